/* log: log events of the cluster ledger. All other files in this folder may use it. */
#include "webhook/cluster/state.h"

void cluster_log(struct ledger_cluster *cluster, enum log_level level, const char *event, const char *message)
{
	const struct log_field fields[] = {
	    {.key = "replica", .text = str_of(cluster->options.replica)},
	    {.key = "message", .text = str_of(message)},
	};
	log_event(cluster->options.log, level, event, fields, sizeof fields / sizeof *fields);
}
