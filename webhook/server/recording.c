#include "webhook/server/recording.h"

int serve_recording_open(struct recorder **recorder, const struct serve_options *options, struct log *log,
			 struct metrics *metrics, struct error *err)
{
	const struct recorder_options how = {
	    .folder = options->record, .max_bytes = (uint64_t)serve_options_record_bytes(options), .log = log};
	if (!how.folder)
		return 0;
	*recorder = recorder_create(&how, err);
	if (!*recorder)
		return error_wrap(err, "--record");
	return metrics_attach(metrics, &recorder_metrics, recorder_metrics_render, *recorder, err);
}
