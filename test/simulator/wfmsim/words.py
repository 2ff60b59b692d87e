"""Vocabulary of the generated practice.

The lists hold what real accounts hold and clients stumble over: entities,
typographic quotes, bullets, scripts outside Latin-1, names that repeat, and
job numbers that people typed by hand.
"""

FIRST_NAMES = (
    "Ada", "Ben", "Chloë", "Dmitri", "Eloïse", "Farid", "Grace", "Hamish",
    "Ingrid", "José", "Kaia", "Liam", "Mei", "Nikau", "Olu", "Priya",
    "Quentin", "Rāwiri", "Siobhán", "Tomasz", "Una", "Vikram", "Wiremu",
    "Xenia", "Yūki", "Zoë",
)

LAST_NAMES = (
    "Abbott", "Brennan", "Castellanos", "D'Souza", "Eriksen", "Fraser",
    "Größmann", "Huang", "Ihimaera", "Jansen", "Kovács", "Lindqvist",
    "MacLeod", "Ngata", "O'Brien", "Petrov", "Quinn", "Rossi", "Smith",
    "Takahashi", "Urquhart", "van der Berg", "Wójcik", "Yılmaz", "Zhou",
)

COMPANY_STEMS = (
    "Harbour", "Kauri", "Southern Cross", "Bluegum", "Fernleaf", "Matai",
    "Summit", "Riverside", "Café Noir", "Müller & Söhne", "Black <Box>",
    "Northland", "Tūī", "Old Mill", "Pōhutukawa", "Anchor", "Beacon",
    "Copper \"C\" Kettle", "Driftwood", "Eastgate", "日本橋", "R&D Partners",
    "Smith; Sons", "Comma, Dot", "Granite", "Hillview",
)

COMPANY_ENDINGS = (
    "Ltd", "Limited", "Pty Ltd", "Trust", "Holdings", "Group", "& Co",
    "Partners", "Family Trust", "Services",
)

STREETS = (
    "Queen Street", "The Terrace", "Rue d'Été", "High Street", "Cuba Street",
    "Lambton Quay", "George St", "Wharf Road",
)

CITIES = (
    ("Auckland", "Auckland", "1010", "New Zealand"),
    ("Wellington", "", "6011", "New Zealand"),
    ("Christchurch", "Canterbury", "8011", "New Zealand"),
    ("Sydney", "NSW", "2000", "Australia"),
    ("Melbourne", "VIC", "3000", "Australia"),
    ("Whangārei", "Northland", "0110", "New Zealand"),
    ("London", "", "EC1A 1BB", "United Kingdom"),
    ("", "", "", ""),
)

REFERRALS = ("", "", "", "Word of mouth", "Website", "Existing client", "Trade fair ’24")

JOB_NAMES = (
    "Annual Accounts", "Bookkeeping Monthly", "Brochure Design",
    "Brochure Design", "Design & Layout", "Tax Return – Individual",
    "GST Return", "Website Refresh", "Advisory <retainer>", "Payroll Setup",
    "Internal Meetings", "Fit-out, Level 3", "Audit \"light\"",
    "Q1 • planning", "Ünïcode migration", "プロジェクト",
)

JOB_STATES = (
    # name, open (delivered by job.api/current)
    ("Planned", True), ("In Progress", True), ("Awaiting Accept", True),
    ("On Hold", True), ("Completed", False), ("Archived", False),
    ("Cancelled", False),
)

CATEGORIES = (
    "Compliance", "Consulting", "Internal", "Design & Layout", "Bookkeeping",
    "Conseil d’été",
)

TEMPLATES = (
    "Activity Statement", "Annual Accounts", "Consulting", "FBT Return",
    "Tax Return - Company NIL", "Xero Setup/Conversion", "Design & Layout",
)

TASKS = (
    ("Concept", ""), ("Design & Layout", "From brief to proof"),
    ("Review", "Partner's review"), ("Preparation", ""),
    ("Meeting", "With the client\nor about the client"),
    ("Travel", ""), ("Research", "• sources\n• notes"), ("Admin", ""),
    ("Übergabe", "Handover"), ("Filing <IRD>", ""), ("Concept", "Second of the name"),
    ("Training", ""),
)

NOTE_LINES = (
    "Call with client", "Reviewed the draft & sent comments",
    "Fixed <b>layout</b> issues", "Reconciled March – April",
    "“Final” version", "Waiting for reply; chased twice", "Prep • meeting",
    "Größe geprüft", "50% done, 3/4 to go", "会議の準備",
    "line one\nline two", "Tab\tseparated", "back\\slash and 'quotes'",
)

PARAGRAPHS = (
    "Scope of work as agreed in the engagement letter. ",
    "Terms & conditions apply; see https://example.com/terms?id=1&lang=en. ",
    "Deliverables:\n• brochure\n• website\n• “launch” e-mail\n",
    "Fees < budget unless agreed in writing. ",
    "Prix convenu : 1 234,50 €. ",
    "---------------\n\n",
)

# Job numbers people typed by hand.  Each appears once in the main account,
# spread over its history; all are legal there, and most break naive URLs.
ODD_JOB_NUMBERS = (
    "INTERNAL", "internal", "C300", "c300", "J 000 17", "J/2024/05", "JOB#7",
    "50% off", "100%25", "R&D", "A+B", "Küche-3", "日本-12", "O'Brien", "v1.0",
    "x=y", "why?", "back\\slash", "semi;colon", "comma,1", "\"quoted\"",
    "<tag>", "tilde~1", "..", "a/../b", "under_score", "dash-ed", "j000010",
    "colon:1", "at@home", "(bracket)", "plus+ plus", "e\u0301clair",
)

ROLES = ("", "", "Director", "Office Manager", "CFO", "Trustee & Partner")

SALUTATIONS = ("", "", "Mr", "Ms", "Dr")

FOLDERS = ("", "", "Correspondence", "Work papers")
