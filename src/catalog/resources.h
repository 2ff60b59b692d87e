/*
 * catalog/resources.h
 *		The resources' tables, one file for each family.
 */
#ifndef WFM_CATALOG_RESOURCES_H
#define WFM_CATALOG_RESOURCES_H

#include "catalog/resource.h"

/* Shorthands for sets of dialects. */
#define WFM_PRACTICEMANAGER (WFM_PRACTICEMANAGER_3_0 | WFM_PRACTICEMANAGER_3_1)
#define WFM_XERO (WFM_WORKFLOWMAX_3_0 | WFM_PRACTICEMANAGER)

/* client.c */
extern const WfmResource wfm_resource_client;

/* job.c */
extern const WfmResource wfm_resource_job;
extern const WfmResource wfm_resource_job_current;

/* staff.c */
extern const WfmResource wfm_resource_staff;

/* time_entry.c */
extern const WfmResource wfm_resource_time_entry;

#endif							/* WFM_CATALOG_RESOURCES_H */
