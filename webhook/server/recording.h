/* recording: opens the recorder that the options of `gpugate serve` ask for. */
#ifndef WEBHOOK_SERVER_RECORDING_H
#define WEBHOOK_SERVER_RECORDING_H

#include "webhook/metrics/registry.h"
#include "webhook/server/options.h"
#include "webhook/server/recorder.h"

/*
 * Sets `*recorder`, which is new, and attaches its metrics. Does nothing without --record. Borrows
 * the options and the log. Returns 0, or -1 with an error.
 */
int serve_recording_open(struct recorder **recorder, const struct serve_options *options, struct log *log,
			 struct metrics *metrics, struct error *err);

#endif
