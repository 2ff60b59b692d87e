"""What the APIs offer, as tables.

A dialect is one vendor's version of the API; a Field says under which element
a value of a record is sent, in which form, on which dialects, and which
column a table made from it would have.  Adding a field, a resource or a
dialect is adding rows here.  The facts are those of the vendors'
documentation; where an order of elements was recorded from the live service,
it is the order used here.

Dialect letters:  W workflowmax/3.0   X practicemanager/3.1
                  P practicemanager/3.0   B bluerock/1
                  N bluerock/2, whose records are in nouns.py
bluerock/1 sends what workflowmax/3.0 sends: a W stands for both, unless a
small w (workflowmax/3.0 alone) takes its place.
"""

import re
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Dialect:
    """One version of the API."""
    name: str
    letter: str
    prefix: str                     # path below which it is served
    tenant_type: str
    tenant_header: str = "xero-tenant-id"
    scope: str = ""
    vendor: str = "xero"            # whose tokens it takes
    key: str = "uuid"               # which key a get endpoint takes
    window_required: int = 400      # status of a list without from and to
    window_one_year: bool = False   # longer windows are refused
    json_feature: str = ""          # Xero-Features flag that opens the way to JSON


DIALECTS = (
    Dialect("workflowmax/3.0", "W", "/workflowmax/3.0/", "WORKFLOWMAX",
            scope="workflowmax", window_required=500),
    Dialect("bluerock/1", "B", "/bluerock/1/", "WORKFLOWMAX", tenant_header="account_id",
            scope="workflowmax", vendor="bluerock"),
    Dialect("bluerock/2", "N", "/bluerock/2/", "WORKFLOWMAX", tenant_header="account-id",
            scope="workflowmax", vendor="bluerock"),
    Dialect("practicemanager/3.1", "X", "/practicemanager/3.1/", "PRACTICEMANAGER",
            scope="practicemanager", window_one_year=True,
            json_feature="practice-strict-content-type"),
    Dialect("practicemanager/3.0", "P", "/practicemanager/3.0/", "PRACTICEMANAGER",
            scope="practicemanager", key="legacy_id"),
)

def _letters(letters):
    """W stands for both dialects of WorkflowMax."""
    return letters.replace("W", "WB").replace("w", "W")


BY_NAME = {dialect.name: dialect for dialect in DIALECTS}


@dataclass(frozen=True)
class Field:
    """One element of a record.

    kind   text, uuid, int, number_text (a number that JSON sends as text),
           yn (Yes/No), bool (true/false), dec2 (amount),
           day (local date, sent as a date-time), stamp (date-time),
           day_or_stamp (a date in either spelling), clock (minutes of the
           day as HH:mm), ref (object with key and name), jobref (object with
           number and name), object, list, page (address of a web page)
    on     dialect letters
    omit   letters of the dialects that leave the element out when there is
           no value; the others send it empty
    form   'short' in every answer, 'full' only in detailed ones,
           'nested' in every answer but the paged list
    when   attribute that must be true for the element to be sent at all
    """
    element: str
    attr: str
    kind: str
    on: str = "WXP"
    omit: str = ""
    form: str = "short"
    when: str = ""
    column: str = ""
    item: tuple = field(default=(), compare=False)
    item_element: str = ""
    template: str = ""
    json: str = ""                  # name in JSON where the rule gives another

    def __post_init__(self):
        object.__setattr__(self, "on", _letters(self.on) if "B" not in self.on else self.on)
        object.__setattr__(self, "omit",
                           _letters(self.omit) if "B" not in self.omit else self.omit)

    def column_name(self):
        return self.column or snake_case(self.element)


def snake_case(name):
    """PostalPostCode -> postal_post_code, WebUrl -> web_url, UUID -> uuid"""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


ALL = "WXP"
F = Field

NAMED = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
)

CONTACT = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Mobile", "mobile", "text"),
    F("Email", "email", "text"),
    F("Phone", "phone", "text"),
    F("Position", "position", "text"),
    F("Salutation", "salutation", "text"),
    F("Addressee", "addressee", "text"),
    F("IsPrimary", "is_primary", "yn"),
    F("IsDeleted", "is_deleted", "yn", "X"),
)

# A contact read on its own, not through a client, has neither of these.
CONTACT_ALONE = tuple(f for f in CONTACT if f.element not in ("IsPrimary", "Position"))

CLIENT_NOTE = (
    F("Title", "title", "text"),
    F("Text", "text", "text"),
    F("Folder", "folder", "text"),
    F("Date", "date", "stamp"),
    F("CreatedBy", "created_by", "text"),
)

RELATIONSHIP = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "X"),
    F("Type", "type", "text", "XP"),
    F("RelatedClient", "related_client", "ref", "XP"),
    F("NumberOfShares", "number_of_shares", "int", "XP", omit="XP"),
    F("Percentage", "percentage", "dec2", "XP", omit="XP"),
    F("StartDate", "start_date", "plain_day", "XP", omit="XP"),
    F("EndDate", "end_date", "plain_day", "XP", omit="XP"),
)

CLIENT_TYPE = (
    F("Name", "name", "text"),
    F("CostMarkup", "cost_markup", "dec2"),
    F("PaymentTerm", "payment_term", "text"),
    F("PaymentDay", "payment_day", "int"),
)

AUTO_BAS = (
    F("Annually", "annually", "text", "X"),
    F("Monthly", "monthly", "text", "X"),
    F("Quarterly", "quarterly", "text", "X"),
    F("OptOut", "opt_out", "text", "X", json="opt-out"),
)

CLIENT = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Email", "email", "text", omit=ALL),
    F("Title", "title", "text", "WX", omit="WX"),
    F("Gender", "gender", "text", "WX", omit="WX"),
    F("FirstName", "first_name", "text", "WX", omit="WX"),
    F("MiddleName", "middle_name", "text", "X", omit="X"),
    F("LastName", "last_name", "text", "WX", omit="WX"),
    F("OtherName", "other_name", "text", "WX", omit="WX"),
    F("DateOfBirth", "date_of_birth", "day_or_stamp", "WX", omit="WX"),
    F("DateOfDeath", "date_of_death", "day", "X", omit="X"),
    F("PlaceOfBirthCity", "place_of_birth_city", "text", "X", omit="X"),
    F("PlaceOfBirthCountryCode", "place_of_birth_country_code", "text", "X", omit="X"),
    F("Address", "address", "text"),
    F("City", "city", "text"),
    F("Region", "region", "text"),
    F("PostCode", "post_code", "text", "wXP"),
    F("Postcode", "post_code", "text", "B", column="post_code"),
    F("Country", "country", "text"),
    F("PostalAddress", "postal_address", "text"),
    F("PostalCity", "postal_city", "text"),
    F("PostalRegion", "postal_region", "text"),
    F("PostalPostCode", "postal_post_code", "text"),
    F("PostalCountry", "postal_country", "text"),
    F("Phone", "phone", "text"),
    F("Fax", "fax", "text"),
    F("Website", "website", "text"),
    F("ReferralSource", "referral_source", "text"),
    F("ExportCode", "export_code", "text"),
    F("Industry", "industry", "text", "X", omit="X"),
    F("IsProspect", "is_prospect", "yn", "WP"),
    F("IsArchived", "is_archived", "yn"),
    F("IsDeleted", "is_deleted", "yn"),
    F("AccountManager", "account_manager", "ref", omit=ALL),
    F("JobManager", "job_manager", "ref", "XP", omit="XP"),
    F("Type", "type", "object", omit=ALL, item=CLIENT_TYPE),
    F("BillingClient", "billing_client", "ref", "XP", omit="XP"),
    F("TaxNumber", "tax_number", "text", "XP", when="practice"),
    F("CompanyNumber", "company_number", "text", "XP", when="practice"),
    F("BusinessNumber", "business_number", "text", "XP", when="practice"),
    F("BusinessStructure", "business_structure", "text", "XP", omit="XP", when="practice"),
    F("BalanceMonth", "balance_month", "int", "XP", omit="XP", when="practice"),
    F("BranchNumber", "branch_number", "text", "XP", when="practice"),
    F("GSTRegistered", "gst_registered", "yn", "XP", when="practice"),
    F("PrepareGST", "prepare_gst", "yn", "XP", when="practice"),
    F("GSTPeriod", "gst_period", "text", "XP", omit="XP", when="practice"),
    F("GSTBasis", "gst_basis", "text", "XP", omit="XP", when="practice"),
    F("ProvisionalTaxBasis", "provisional_tax_basis", "text", "X", omit="X", when="practice"),
    F("ProvisionalTaxRatio", "provisional_tax_ratio", "dec2", "X", omit="X", when="practice"),
    F("SignedTaxAuthority", "signed_tax_authority", "yn", "XP", when="practice"),
    F("TaxAgent", "tax_agent", "text", "X", omit="X", when="practice"),
    F("AgencyStatus", "agency_status", "text", "XP", when="practice"),
    F("ReturnType", "return_type", "text", "XP", omit="XP", when="practice"),
    F("PrepareActivityStatement", "prepare_activity_statement", "yn", "XP", when="practice"),
    F("PrepareTaxReturn", "prepare_tax_return", "yn", "XP", when="practice"),
    F("ActiveAtoClient", "active_ato_client", "yn", "XP", when="practice"),
    F("BankName", "bank_name", "text", "X", omit="X", when="practice"),
    F("BankBsb", "bank_bsb", "text", "X", omit="X", when="practice"),
    F("BankAccountName", "bank_account_name", "text", "X", omit="X", when="practice"),
    F("BankAccountNumber", "bank_account_number", "text", "X", omit="X", when="practice"),
    F("ClientCode", "client_code", "text", "X", omit="X"),
    F("AutoBasOptInCriteria", "auto_bas", "object", "X", omit="X", item=AUTO_BAS),
    F("Contacts", "contacts", "list", form="nested", item=CONTACT, item_element="Contact"),
    F("Notes", "notes", "list", form="full", item=CLIENT_NOTE, item_element="Note"),
    F("Groups", "groups", "list", "XP", form="full", item=NAMED, item_element="Group"),
    F("Relationships", "relationships", "list", "XP", form="full", item=RELATIONSHIP,
      item_element="Relationship"),
    F("WebUrl", "serial", "page", "wX",
      template="https://my.workflowmax.com/Client/%d/Detail"),
    F("WebURL", "serial", "page", "B",
      template="https://my.workflowmax.com/Client/%d/Detail"),
    F("UUID", "uuid", "uuid", "P"),
)

ASSIGNEE = (
    F("ID", "staff.legacy_id", "int", "P", column="staff_legacy_id"),
    F("UUID", "staff.uuid", "uuid", "WX", column="staff_uuid"),
    F("Name", "staff.name", "text", column="staff_name"),
    F("AllocatedMinutes", "allocated_minutes", "int", omit=ALL),
)

NAMED_STAFF = ASSIGNEE[:-1]

JOB_TASK = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("TaskID", "task_legacy_id", "int", "P", column="task_legacy_id"),
    F("TaskUUID", "task_uuid", "uuid", "WX"),
    F("EstimatedMinutes", "estimated_minutes", "int"),
    F("ActualMinutes", "actual_minutes", "int"),
    F("Description", "description", "text"),
    F("Completed", "completed", "bool"),
    F("Billable", "billable", "bool"),
    F("Folder", "folder", "text"),
    F("StartDate", "start_date", "day", omit=ALL),
    F("DueDate", "due_date", "day", omit=ALL),
    F("Assigned", "assigned", "list", item=ASSIGNEE, item_element="Staff"),
)

MILESTONE = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Date", "date", "day"),
    F("Description", "description", "text"),
    F("Completed", "completed", "bool"),
    F("Folder", "folder", "text"),
)

NOTE_COMMENT = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Text", "text", "text"),
    F("Date", "date", "stamp"),
    F("CreatedBy", "created_by", "text"),
)

JOB_NOTE = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Title", "title", "text"),
    F("Text", "text", "text"),
    F("Folder", "folder", "text"),
    F("Date", "date", "stamp"),
    F("CreatedBy", "created_by", "text"),
    F("Comments", "comments", "list", item=NOTE_COMMENT, item_element="Comment"),
)

JOB = (
    F("ID", "id", "text"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("Client", "client", "ref"),
    F("ClientOrderNumber", "client_order_number", "text"),
    F("Budget", "budget", "dec2", omit=ALL),
    F("State", "state", "text"),
    F("Type", "type", "text", omit=ALL),
    F("StartDate", "start_date", "day"),
    F("DueDate", "due_date", "day"),
    F("CompletedDate", "completed_date", "day", omit=ALL),
    F("DateCreatedUtc", "created", "utc", "W"),
    F("DateModifiedUtc", "modified", "utc", "W"),
    F("ApprovedQuoteId", "approved_quote_id", "text", "W", omit="W"),
    F("ApprovedQuoteUUID", "approved_quote_uuid", "uuid", "W", omit="W"),
    F("InternalID", "internal_id", "number_text", "XP"),
    F("Contact", "contact", "ref", omit=ALL),
    F("Manager", "manager", "ref", omit=ALL),
    F("Partner", "partner", "ref", omit=ALL),
    F("Assigned", "assigned", "list", item=ASSIGNEE, item_element="Staff"),
    F("Tasks", "tasks", "list", form="full", item=JOB_TASK, item_element="Task"),
    F("Milestones", "milestones", "list", form="full", item=MILESTONE,
      item_element="Milestone"),
    F("Notes", "notes", "list", form="full", item=JOB_NOTE, item_element="Note"),
    F("WebUrl", "serial", "page", "WX",
      template="https://app.my.workflowmax.com/job/jobview.aspx?id=%d"),
)

# job.api/staff on practicemanager/3.1 sends a shorter record.
JOB_SHORT = tuple(
    replace(f, form="short", item=NAMED_STAFF if f.element == "Assigned" else f.item)
    for f in JOB
    if f.element not in ("InternalID", "Partner", "Milestones", "Notes", "WebUrl"))

STAFF = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Email", "email", "text"),
    F("Phone", "phone", "text"),
    F("Mobile", "mobile", "text"),
    F("Address", "address", "text"),
    F("PayrollCode", "payroll_code", "text"),
    F("WebUrl", "serial", "page", "WX",
      template="https://app.my.workflowmax.com/admin/resourceedit.aspx?id=%d"),
)

TIME = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Job", "job", "jobref"),
    F("Task", "task", "ref", column="job_task"),
    F("Staff", "staff", "ref"),
    F("Date", "date", "day"),
    F("Minutes", "minutes", "int"),
    F("Note", "note", "text"),
    F("Billable", "billable", "bool"),
    F("Start", "start", "clock", omit=ALL, column="start_time"),
    F("End", "end", "clock", omit=ALL, column="end_time"),
    F("InvoiceTaskUUID", "invoice_task_uuid", "uuid", omit=ALL),
    F("WebUrl", "legacy_id", "page", "X",
      template="https://app.my.workflowmax.com/job/timeedit.aspx?id=%d"),
    F("UUID", "uuid", "uuid", "P"),
)

TASK = NAMED + (F("Description", "description", "text"),)

GROUP = NAMED + (
    F("Taxable", "taxable", "yn", "XP"),
    F("Clients", "clients", "list", form="full", item=NAMED, item_element="Client"),
    F("WebUrl", "serial", "page", "X", template="https://app.my.workflowmax.com/group?id=%d"),
)

COST = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Description", "description", "text"),
    F("Code", "code", "text"),
    F("Note", "note", "text"),
    F("UnitCost", "unit_cost", "dec2"),
    F("UnitPrice", "unit_price", "dec2"),
    F("Supplier", "supplier", "ref", omit=ALL),
    F("IncomeAccount", "income_account", "text"),
    F("CostOfSaleAccount", "cost_of_sale_account", "text"),
)

JOB_COST = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Date", "date", "day"),
    F("Description", "description", "text"),
    F("Code", "code", "text"),
    F("Note", "note", "text"),
    F("Quantity", "quantity", "dec2"),
    F("UnitCost", "unit_cost", "dec2"),
    F("UnitPrice", "unit_price", "dec2"),
    F("Billable", "billable", "bool"),
    F("Supplier", "supplier", "ref", "WX", omit="WX"),
)

DOCUMENT = (
    F("Title", "title", "text"),
    F("Text", "text", "text"),
    F("Folder", "folder", "text"),
    F("Date", "date", "compact_day"),
    F("CreatedBy", "created_by", "text"),
    F("URL", "url", "text"),
)

JOB_DOCUMENT = DOCUMENT[:-1] + (F("FileName", "file_name", "text"), DOCUMENT[-1])

CUSTOM_FIELD = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Type", "type", "text"),
    F("LinkUrl", "link_url", "text"),
    F("Options", "options", "text"),
    F("UseClient", "use_client", "bool"),
    F("UseContact", "use_contact", "bool"),
    F("UseSupplier", "use_supplier", "bool", "WX"),
    F("UseJob", "use_job", "bool"),
    F("UseLead", "use_lead", "bool"),
    F("UseJobTask", "use_job_task", "bool"),
    F("UseJobCost", "use_job_cost", "bool"),
    F("UseJobTime", "use_time", "bool", column="use_job_time"),
    F("UseQuote", "use_quote", "bool", "B"),
    F("Mandatory", "mandatory", "bool", "B"),
    F("ValueElement", "value_element", "text"),
)

CUSTOM_VALUE = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Text", "text", "text", omit=ALL),
    F("Decimal", "decimal", "dec2", omit=ALL),
    F("Number", "number", "int", omit=ALL),
    F("Boolean", "boolean", "bool", omit=ALL),
    F("Date", "date", "day", omit=ALL),
)

AMOUNTS = (
    F("Amount", "amount", "dec2"),
    F("AmountTax", "amount_tax", "dec2"),
    F("AmountIncludingTax", "amount_including_tax", "dec2"),
)

# A time entry names these lines by uuid, on practicemanager/3.0 too.
INVOICE_TASK = (
    F("ID", "legacy_id", "int", "P", column="legacy_id"),
    F("UUID", "uuid", "uuid", "WX"),
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("Minutes", "minutes", "int"),
    F("BillableRate", "billable_rate", "dec2"),
    F("Billable", "billable", "yn"),
) + AMOUNTS + (F("UUID", "uuid", "uuid", "P"),)

COST_LINE = (
    F("Description", "description", "text"),
    F("Note", "note", "text"),
    F("Code", "code", "text"),
    F("Billable", "billable", "yn"),
    F("Quantity", "quantity", "dec2"),
    F("UnitCost", "unit_cost", "dec2"),
    F("UnitPrice", "unit_price", "dec2"),
) + AMOUNTS

INVOICE_JOB = (
    F("ID", "id", "text"),
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("ClientOrderNumber", "client_order_number", "text"),
    F("Tasks", "tasks", "list", item=INVOICE_TASK, item_element="Task"),
    F("Costs", "costs", "list", item=COST_LINE, item_element="Cost"),
)

INVOICE = (
    F("ID", "id", "text"),
    F("UUID", "uuid", "uuid", "W"),
    F("InternalUUID", "uuid", "uuid", "X", column="uuid", json="uuid"),
    F("Type", "type", "text"),
    F("Status", "status", "text"),
    F("JobText", "job_text", "text"),
    F("Description", "description", "text"),
    F("Date", "date", "day"),
    F("DueDate", "due_date", "day"),
) + AMOUNTS + (
    F("AmountPaid", "amount_paid", "dec2"),
    F("AmountOutstanding", "amount_outstanding", "dec2"),
    F("Client", "client", "ref"),
    F("Contact", "contact", "ref", omit=ALL),
    F("Jobs", "jobs", "list", form="full", item=INVOICE_JOB, item_element="Job"),
    F("Tasks", "tasks", "list", form="full", item=INVOICE_TASK, item_element="Task"),
    F("Costs", "costs", "list", form="full", item=COST_LINE, item_element="Cost"),
)

ADDRESS = tuple(f for f in CLIENT if f.attr in (
    "address", "city", "region", "country", "postal_address", "postal_city",
    "postal_region", "postal_post_code", "postal_country", "phone", "fax", "website"))

SUPPLIER_CONTACT = tuple(f for f in CONTACT if f.element in (
    "UUID", "Name", "Mobile", "Email", "Phone", "Position"))

SUPPLIER = (
    F("UUID", "uuid", "uuid", "W"),
    F("Name", "name", "text"),
    F("PostCode", "post_code", "text"),
) + ADDRESS + (
    F("Contacts", "contacts", "list", item=SUPPLIER_CONTACT, item_element="Contact"),
    F("Notes", "notes", "list", form="full", item=CLIENT_NOTE, item_element="Note"),
)

LEAD_ACTIVITY = (
    F("Date", "date", "day"),
    F("Subject", "subject", "text"),
    F("Completed", "completed", "bool"),
    F("Responsible", "responsible", "ref"),
)

LEAD_HISTORY = (
    F("Detail", "detail", "text"),
    F("Date", "date", "stamp"),
    F("Staff", "staff", "text", column="staff_name"),
    F("Type", "type", "text"),
)

LEAD = (
    F("UUID", "uuid", "uuid", "W"),
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("State", "state", "text"),
    F("EstimatedValue", "estimated_value", "dec2"),
    F("Date", "date", "day"),
    F("DateWonLost", "date_won_lost", "day"),
    F("Category", "category", "text"),
    F("Client", "client", "ref"),
    F("Contact", "contact", "ref", omit=ALL),
    F("Owner", "owner", "ref"),
    F("Dropbox", "dropbox", "text", "B"),
    F("Activities", "activities", "list", form="full", item=LEAD_ACTIVITY,
      item_element="Activity"),
    F("History", "history", "list", form="full", item=LEAD_HISTORY, item_element="Item"),
)

ORDER_COST = tuple(f for f in COST_LINE if f.element not in ("Billable", "UnitPrice"))

PURCHASE_ORDER = (
    F("ID", "id", "text"),
    F("State", "state", "text"),
    F("Date", "date", "day"),
    F("Description", "description", "text"),
    F("DeliveryAddress", "delivery_address", "text"),
) + AMOUNTS + (
    F("Supplier", "supplier", "ref"),
    F("Job", "job", "jobref", omit=ALL),
    F("Costs", "costs", "list", form="full", item=ORDER_COST, item_element="Cost"),
)

PAYMENT = (
    F("Date", "date", "day"),
    F("Amount", "amount", "dec2"),
    F("Reference", "reference", "text"),
)

QUOTE_TASK = (
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("EstimatedMinutes", "estimated_minutes", "int"),
    F("BillableRate", "billable_rate", "dec2"),
    F("Billable", "billable", "yn"),
) + AMOUNTS

QUOTE_OPTION = tuple(f for f in COST_LINE if f.element != "Billable")

QUOTE = (
    F("ID", "id", "text"),
    F("UUID", "uuid", "uuid", "W"),
    F("Type", "type", "text"),
    F("State", "state", "text"),
    F("Name", "name", "text"),
    F("Description", "description", "text"),
    F("Budget", "budget", "dec2"),
    F("OptionExplanation", "option_explanation", "text"),
    F("LeadUUID", "lead_uuid", "uuid", "W", omit="W"),
    F("JobUUID", "job_uuid", "uuid", "B", omit="B"),
    F("Date", "date", "day"),
    F("ValidDate", "valid_date", "day"),
    F("EstimatedCost", "estimated_cost", "dec2"),
    F("EstimatedCostTax", "estimated_cost_tax", "dec2"),
    F("EstimatedCostIncludingTax", "estimated_cost_including_tax", "dec2"),
) + AMOUNTS + (
    F("Client", "client", "ref"),
    F("Contact", "contact", "ref", omit=ALL),
    F("Tasks", "tasks", "list", form="full", item=QUOTE_TASK, item_element="Task"),
    F("Costs", "costs", "list", form="full", item=COST_LINE, item_element="Cost"),
    F("Options", "options", "list", form="full", item=QUOTE_OPTION, item_element="Option"),
)


@dataclass(frozen=True)
class Resource:
    """A kind of record: its table, its element names and its fields."""
    table: str
    collection: str
    element: str
    fields: tuple


RESOURCES = {
    "category": Resource("category", "Categories", "Category", NAMED),
    "client": Resource("client", "Clients", "Client", CLIENT),
    "contact": Resource("contact", "Contacts", "Contact", CONTACT_ALONE),
    "job": Resource("job", "Jobs", "Job", JOB),
    "job_short": Resource("job", "Jobs", "Job", JOB_SHORT),
    "job_state": Resource("job_state", "JobStates", "JobState", NAMED),
    "staff": Resource("staff", "StaffList", "Staff", STAFF),
    "task": Resource("task", "TaskList", "Task", TASK),
    "template": Resource("template", "Templates", "Template", NAMED),
    "time": Resource("time", "Times", "Time", TIME),
    "client_group": Resource("client_group", "Groups", "Group", GROUP),
    "cost": Resource("cost", "Costs", "Cost", COST),
    "job_cost": Resource("", "Costs", "Cost", JOB_COST),
    "document": Resource("", "Documents", "Document", DOCUMENT),
    "job_document": Resource("", "Documents", "Document", JOB_DOCUMENT),
    "custom_field": Resource("custom_field", "CustomFieldDefinitions",
                             "CustomFieldDefinition", CUSTOM_FIELD),
    "custom_value": Resource("", "CustomFields", "CustomField", CUSTOM_VALUE),
    "invoice": Resource("invoice", "Invoices", "Invoice", INVOICE),
    "payment": Resource("", "Payments", "Payment", PAYMENT),
    "quote": Resource("quote", "Quotes", "Quote", QUOTE),
    "supplier": Resource("supplier", "Suppliers", "Supplier", SUPPLIER),
    "lead": Resource("lead", "Leads", "Lead", LEAD),
    "lead_category": Resource("lead_category", "Categories", "Category", NAMED),
    "purchase_order": Resource("purchase_order", "PurchaseOrders", "PurchaseOrder",
                               PURCHASE_ORDER),
}


@dataclass(frozen=True)
class Endpoint:
    """A path below the dialect's base and the handler in api.py."""
    path: str                       # client.api/get/{key}
    handler: str                    # method of api.Api
    on: str = "WXP"
    method: str = "List"            # the api-method attribute
    resource: str = ""

    def __post_init__(self):
        object.__setattr__(self, "on", _letters(self.on) if "B" not in self.on else self.on)


ENDPOINTS = (
    Endpoint("category.api/list", "whole_table", resource="category"),
    Endpoint("client.api/list", "client_list", resource="client"),
    Endpoint("client.api/paged-list", "client_paged_list", "X", "PagedList", "client"),
    Endpoint("client.api/search", "client_search", method="Search", resource="client"),
    Endpoint("client.api/get/{key}", "get_by_key", method="Get", resource="client"),
    Endpoint("client.api/contacts", "contact_list", "X", "Contacts", "contact"),
    Endpoint("client.api/contact/{key}", "contact_get", method="Contact",
             resource="contact"),
    Endpoint("job.api/list", "job_list", resource="job"),
    Endpoint("job.api/current", "job_current", method="Current", resource="job"),
    Endpoint("job.api/get/{key}", "job_get", method="Get", resource="job"),
    Endpoint("job.api/staff/{key}", "job_by_staff", method="Staff", resource="job"),
    Endpoint("job.api/client/{key}", "job_by_client", method="Client", resource="job"),
    Endpoint("job.api/tasks", "job_tasks", method="Tasks", resource="job"),
    Endpoint("jobstate.api/list", "whole_table", "X", resource="job_state"),
    Endpoint("staff.api/list", "whole_table", resource="staff"),
    Endpoint("staff.api/get/{key}", "get_by_key", method="Get", resource="staff"),
    Endpoint("task.api/list", "whole_table", resource="task"),
    Endpoint("task.api/get/{key}", "get_by_key", method="Get", resource="task"),
    Endpoint("template.api/list", "whole_table", resource="template"),
    Endpoint("time.api/list", "time_list", resource="time"),
    Endpoint("time.api/job/{key}", "time_by_job", method="Job", resource="time"),
    Endpoint("time.api/staff/{key}", "time_by_staff", method="Staff", resource="time"),
    Endpoint("time.api/get/{key}", "get_by_key", method="Get", resource="time"),

    Endpoint("client.api/documents/{key}", "client_documents", method="Documents",
             resource="document"),
    Endpoint("clientgroup.api/list", "whole_table", resource="client_group"),
    Endpoint("clientgroup.api/get/{key}", "get_by_key", method="Get",
             resource="client_group"),
    Endpoint("cost.api/list", "cost_list", resource="cost"),
    Endpoint("cost.api/get/{key}", "get_by_key", method="Get", resource="cost"),
    Endpoint("customfield.api/definition", "whole_table", method="Definition",
             resource="custom_field"),
    Endpoint("customfield.api/get/{key}", "get_by_key", "XP", "Get", "custom_field"),
    Endpoint("client.api/get/{key}/customfield", "custom_of_client", method="CustomField",
             resource="custom_value"),
    Endpoint("client.api/contact/{key}/customfield", "custom_of_contact",
             method="CustomField", resource="custom_value"),
    Endpoint("job.api/get/{key}/customfield", "custom_of_job", method="CustomField",
             resource="custom_value"),
    Endpoint("job.api/task/{key}/customfield", "custom_of_job_task", method="CustomField",
             resource="custom_value"),
    Endpoint("job.api/cost/{key}/customfield", "custom_of_job_cost", method="CustomField",
             resource="custom_value"),
    Endpoint("time.api/get/{key}/customfield", "custom_of_time", method="CustomField",
             resource="custom_value"),
    Endpoint("invoice.api/current", "invoice_current", method="Current", resource="invoice"),
    Endpoint("invoice.api/draft", "invoice_draft", method="Draft", resource="invoice"),
    Endpoint("invoice.api/get/{key}", "invoice_get", method="Get", resource="invoice"),
    Endpoint("invoice.api/job/{key}", "invoice_by_job", method="Job", resource="invoice"),
    Endpoint("invoice.api/list", "invoice_list", resource="invoice"),
    Endpoint("invoice.api/payments/{key}", "invoice_payments", method="Payments",
             resource="payment"),
    Endpoint("job.api/documents/{key}", "job_documents", method="Documents",
             resource="job_document"),
    Endpoint("job.api/costs/{key}", "job_costs", method="Costs", resource="job_cost"),
    Endpoint("quote.api/current", "quote_current", method="Current", resource="quote"),
    Endpoint("quote.api/draft", "quote_draft", method="Draft", resource="quote"),
    Endpoint("quote.api/list", "quote_list", resource="quote"),
    Endpoint("quote.api/get/{key}", "quote_get", method="Get", resource="quote"),
    Endpoint("quote.api/get/{key}/customfield", "custom_of_quote", "B", "CustomField",
             "custom_value"),

    Endpoint("supplier.api/list", "supplier_list", "W", resource="supplier"),
    Endpoint("supplier.api/get/{key}", "supplier_get", "W", "Get", "supplier"),
    Endpoint("supplier.api/get/{key}/customfield", "custom_of_supplier", "W", "CustomField",
             "custom_value"),
    Endpoint("supplier.api/contact/{key}/customfield", "custom_of_supplier_contact", "W",
             "CustomField", "custom_value"),
    Endpoint("lead.api/current", "lead_current", "W", "Current", "lead"),
    Endpoint("lead.api/list", "lead_list", "W", resource="lead"),
    Endpoint("lead.api/get/{key}", "get_by_key", "W", "Get", "lead"),
    Endpoint("lead.api/categories", "whole_table", "W", "Categories", "lead_category"),
    Endpoint("lead.api/get/{key}/customfield", "custom_of_lead", "W", "CustomField",
             "custom_value"),
    Endpoint("purchaseorder.api/list", "order_list", "W", resource="purchase_order"),
    Endpoint("purchaseorder.api/current", "order_current", "W", "Current", "purchase_order"),
    Endpoint("purchaseorder.api/draft", "order_draft", "W", "Draft", "purchase_order"),
    Endpoint("purchaseorder.api/get/{key}", "order_get", "W", "Get", "purchase_order"),
    Endpoint("purchaseorder.api/job/{key}", "order_by_job", "W", "Job", "purchase_order"),
)
