#include "webhook/server/server_metrics.h"

enum row { CONNECTIONS, IN_FLIGHT, NOT_BEFORE, EXPIRY, RELOAD_FAILURES, LOG_DROPPED, BUILD, ROWS };

static const struct metric rows[ROWS] = {
    [CONNECTIONS] = {.name = "gpugate_http_connections",
		     .type = METRIC_GAUGE,
		     .unit = "connections",
		     .help = "Open connections of the admission listener.",
		     .alerts = "GpugateConnections"},
    [IN_FLIGHT] = {.name = "gpugate_http_in_flight_requests",
		   .type = METRIC_GAUGE,
		   .unit = "requests",
		   .help = "Requests that are being received or answered."},
    [NOT_BEFORE] = {.name = "gpugate_certificate_not_before_timestamp_seconds",
		    .type = METRIC_GAUGE,
		    .unit = "seconds since 1970",
		    .help = "When the serving certificate began to be valid, since the Unix epoch in seconds.",
		    .query = "The part of its life that is left: "
			     "`(gpugate_certificate_expiry_timestamp_seconds - time()) / "
			     "(gpugate_certificate_expiry_timestamp_seconds - "
			     "gpugate_certificate_not_before_timestamp_seconds)`"},
    [EXPIRY] = {.name = "gpugate_certificate_expiry_timestamp_seconds",
		.type = METRIC_GAUGE,
		.unit = "seconds since 1970",
		.help = "When the serving certificate expires, since the Unix epoch in seconds.",
		.details = "If another certificate of its chain expires earlier, the time of that one.",
		.alerts = "GpugateCertificateExpires GpugateCertificateEnds"},
    [RELOAD_FAILURES] = {.name = "gpugate_certificate_reload_failures_total",
			 .type = METRIC_COUNTER,
			 .unit = "reloads",
			 .help = "Reloads that kept the last good certificate.",
			 .details = "Also reloads that kept the old client CA. One failure for each renewal is normal "
				    "where the files are replaced one after the other.",
			 .alerts = "GpugateCertificateRejected"},
    [LOG_DROPPED] = {.name = "gpugate_log_lines_dropped_total",
		     .type = METRIC_COUNTER,
		     .unit = "lines",
		     .help = "Log lines dropped because nothing took them from standard error.",
		     .details = "See [The log is incomplete](../troubleshooting.md#the-log-is-incomplete).",
		     .alerts = "GpugateLogLinesDropped"},
    [BUILD] = {.name = "gpugate_build_info",
	       .type = METRIC_GAUGE,
	       .unit = "always 1",
	       .help = "The version of gpugate; always 1.",
	       .labels = {{.name = "version"}}},
};

const struct metric_set server_metrics = {"Server", NULL, METRIC_ROWS(rows)};

void server_metrics_render(void *context, struct buf *out)
{
	struct server_metrics_sources *sources = context;
	const int64_t numbers[ROWS] = {
	    [CONNECTIONS] = http_server_connections(sources->server),
	    [IN_FLIGHT] = http_server_in_flight(sources->server),
	    [NOT_BEFORE] = (int64_t)http_server_certificate_begin(sources->server),
	    [EXPIRY] = (int64_t)http_server_certificate_expiry(sources->server),
	    [RELOAD_FAILURES] = (int64_t)atomic_load(&sources->certificate_failures),
	    [LOG_DROPPED] = (int64_t)log_dropped(sources->log),
	};
	for (enum row row = CONNECTIONS; row < BUILD; row++)
		metric_integers(out, &rows[row], &numbers[row]);
	metric_head(out, &rows[BUILD]);
	metric_sample(out, &rows[BUILD], &STR(GPUGATE_VERSION));
	buf_text(out, "1\n");
}
