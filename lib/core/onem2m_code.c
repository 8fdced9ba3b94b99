// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/onem2m.h"

/* TS-0008 V3.9.0 table 6.2.4-1 in the order of the status codes, with the names of TS-0004 6.6.3.
 * Codes that we never make are here because an answer that we read may have them. */
static const struct {
	uint16_t rsc;
	uint8_t code;
	const char *name;
} table[] = {
	{ 1001, MN_COAP_201, "ACCEPTED for nonBlockingRequestSynch" },
	{ 1002, MN_COAP_201, "ACCEPTED for nonBlockingRequestAsynch" },
	{ MN_RSC_OK, MN_COAP_205, "OK" },
	{ MN_RSC_CREATED, MN_COAP_201, "CREATED" },
	{ MN_RSC_DELETED, MN_COAP_202, "DELETED" },
	{ MN_RSC_UPDATED, MN_COAP_204, "UPDATED" },
	{ MN_RSC_BAD_REQUEST, MN_COAP_400, "BAD_REQUEST" },
	{ MN_RSC_RELEASE_NOT_SUPPORTED, MN_COAP_501, "RELEASE_VERSION_NOT_SUPPORTED" },
	{ MN_RSC_NOT_FOUND, MN_COAP_404, "NOT_FOUND" },
	{ MN_RSC_OPERATION_NOT_ALLOWED, MN_COAP_405, "OPERATION_NOT_ALLOWED" },
	{ MN_RSC_REQUEST_TIMEOUT, MN_COAP_504, "REQUEST_TIMEOUT" },
	{ MN_RSC_UNSUPPORTED_MEDIA, MN_COAP_415, "UNSUPPORTED_MEDIA_TYPE" },
	{ 4101, MN_COAP_403, "SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE" },
	{ MN_RSC_CONTENTS_UNACCEPTABLE, MN_COAP_400, "CONTENTS_UNACCEPTABLE" },
	{ MN_RSC_NO_PRIVILEGE, MN_COAP_403, "ORIGINATOR_HAS_NO_PRIVILEGE" },
	{ 4104, MN_COAP_400, "GROUP_REQUEST_IDENTIFIER_EXISTS" },
	{ MN_RSC_CONFLICT, MN_COAP_403, "CONFLICT" },
	{ MN_RSC_ORIGINATOR_NOT_REGISTERED, MN_COAP_403, "ORIGINATOR_HAS_NOT_REGISTERED" },
	{ 4107, MN_COAP_403, "SECURITY_ASSOCIATION_REQUIRED" },
	{ MN_RSC_INVALID_CHILD, MN_COAP_403, "INVALID_CHILD_RESOURCE_TYPE" },
	{ 4109, MN_COAP_403, "NO_MEMBERS" },
	{ 4110, MN_COAP_400, "GROUP_MEMBER_TYPE_INCONSISTENT" },
	{ 4117, MN_COAP_403, "ORIGINATOR_HAS_ALREADY_REGISTERED" },
	{ 4126, MN_COAP_403, "APP_RULE_VALIDATION_FAILED" },
	{ 4127, MN_COAP_403, "OPERATION_DENIED_BY_REMOTE_ENTITY" },
	{ MN_RSC_INTERNAL, MN_COAP_500, "INTERNAL_SERVER_ERROR" },
	{ MN_RSC_NOT_IMPLEMENTED, MN_COAP_501, "NOT_IMPLEMENTED" },
	{ MN_RSC_TARGET_NOT_REACHABLE, MN_COAP_404, "TARGET_NOT_REACHABLE" },
	{ MN_RSC_RECEIVER_NO_PRIVILEGE, MN_COAP_403, "RECEIVER_HAS_NO_PRIVILEGE" },
	{ MN_RSC_ALREADY_EXISTS, MN_COAP_400, "ALREADY_EXISTS" },
	{ 5107, MN_COAP_404, "REMOTE_ENTITY_NOT_REACHABLE" },
	{ 5203, MN_COAP_403, "TARGET_NOT_SUBSCRIBABLE" },
	{ 5204, MN_COAP_500, "SUBSCRIPTION_VERIFICATION_INITIATION_FAILED" },
	{ 5205, MN_COAP_403, "SUBSCRIPTION_HOST_HAS_NO_PRIVILEGE" },
	{ 5206, MN_COAP_501, "NON_BLOCKING_SYNCH_REQUEST_NOT_SUPPORTED" },
	{ MN_RSC_NOT_ACCEPTABLE, MN_COAP_406, "NOT_ACCEPTABLE" },
	{ 5219, MN_COAP_400, "UNABLE_TO_REPLACE_REQUEST" },
	{ 5220, MN_COAP_400, "UNABLE_TO_RECALL_REQUEST" },
	{ 6003, MN_COAP_404, "EXTERNAL_OBJECT_NOT_REACHABLE" },
	{ 6005, MN_COAP_404, "EXTERNAL_OBJECT_NOT_FOUND" },
	{ 6010, MN_COAP_400, "MAX_NUMBER_OF_MEMBER_EXCEEDED" },
	{ 6022, MN_COAP_400, "INVALID_CMDTYPE" },
	{ 6023, MN_COAP_400, "INVALID_ARGUMENTS" },
	{ 6024, MN_COAP_400, "INSUFFICIENT_ARGUMENTS" },
	{ 6028, MN_COAP_400, "ALREADY_COMPLETE" },
	{ 6029, MN_COAP_400, "MGMT_COMMAND_NOT_CANCELLABLE" },
	{ 6030, MN_COAP_504, "EXTERNAL_OBJECT_NOT_REACHABLE_BEFORE_RQET_TIMEOUT" },
	{ 6031, MN_COAP_504, "EXTERNAL_OBJECT_NOT_REACHABLE_BEFORE_OET_TIMEOUT" },
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

static size_t find(unsigned int rsc)
{
	size_t i = 0;

	while (i < TABLE_LEN && table[i].rsc != rsc)
		i++;
	return i;
}

uint8_t mn_onem2m_code(enum mn_rsc rsc, enum mn_onem2m_op op)
{
	size_t i = find(rsc);

	if (rsc == MN_RSC_OK && op == MN_OP_NOTIFY)
		return MN_COAP_204;
	return i < TABLE_LEN ? table[i].code : MN_COAP_500;
}

bool mn_onem2m_code_fits(unsigned int rsc, uint8_t code)
{
	size_t i = find(rsc);

	if (rsc < 1000 || rsc > 9999)
		return false;
	if (i == TABLE_LEN) /* newer than the table: only the sort of outcome can be compared */
		return rsc < 4000 ? mn_coap_class(code) == 2 : mn_coap_class(code) >= 4;
	if (rsc == MN_RSC_OK || rsc == 1002)
		return code == table[i].code || code == MN_COAP_204;
	return code == table[i].code;
}

const char *mn_rsc_name(enum mn_rsc rsc)
{
	size_t i = find(rsc);

	return i < TABLE_LEN ? table[i].name : "unknown status code";
}
