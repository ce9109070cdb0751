#include "webhook/metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/*
 * Reads up to size - 1 bytes of a file into `text` and adds a NUL. Returns false if there is
 * nothing to read.
 */
static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	size_t len = fread(text, 1, size - 1, file);
	text[len] = '\0';
	fclose(file);
	return len > 0;
}

static double cpu_seconds(void)
{
	struct timespec used;
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
		return -1;
	return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double resident_bytes(void)
{
	char text[128];
	unsigned long pages;
	if (!read_text("/proc/self/statm", text, sizeof text) || sscanf(text, "%*u %lu", &pages) != 1)
		return -1;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return -1;
	int count = -1; /* Excludes the descriptor of the directory stream itself. */
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static double max_descriptors(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
		return -1;
	return (double)limit.rlim_cur;
}

/*
 * Field 22 of /proc/self/stat is the start time in clock ticks since boot (proc(5)). Field 2, the
 * name in parentheses, may contain spaces and parentheses, so parsing starts after the last ')'.
 */
double metrics_process_started(void)
{
	char text[8192];
	if (!read_text("/proc/self/stat", text, sizeof text))
		return -1;
	const char *at = strrchr(text, ')');
	unsigned long long ticks;
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			  &ticks) != 1)
		return -1;
	struct timespec wall, boot;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	double booted = (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
	return booted + (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

enum row { CPU, RESIDENT, OPEN, MAX, STARTED, ROWS };

static const struct metric rows[ROWS] = {
    [CPU] = {.name = "process_cpu_seconds_total",
	     .type = METRIC_COUNTER,
	     .unit = "seconds",
	     .help = "Total user and system CPU time spent in seconds."},
    [RESIDENT] = {.name = "process_resident_memory_bytes",
		  .type = METRIC_GAUGE,
		  .unit = "bytes",
		  .help = "Resident memory size in bytes."},
    [OPEN] = {.name = "process_open_fds",
	      .type = METRIC_GAUGE,
	      .unit = "descriptors",
	      .help = "Number of open file descriptors.",
	      .alerts = "GpugateDescriptors"},
    [MAX] = {.name = "process_max_fds",
	     .type = METRIC_GAUGE,
	     .unit = "descriptors",
	     .help = "Maximum number of open file descriptors.",
	     .alerts = "GpugateDescriptors"},
    [STARTED] = {.name = "process_start_time_seconds",
		 .type = METRIC_GAUGE,
		 .unit = "seconds since 1970",
		 .help = "Start time of the process since the Unix epoch in seconds.",
		 .details = "A restart empties the embedded ledger.",
		 .alerts = "GpugateRestarts GpugateLedgerEmptied"},
};

const struct metric_set process_metrics = {"Process", "A family is left out if the kernel does not tell its value.",
					   METRIC_ROWS(rows)};

/* Return a negative value if it is unknown. */
static double (*const readers[ROWS])(void) = {
    [CPU] = cpu_seconds, [RESIDENT] = resident_bytes, [OPEN] = open_descriptors, [MAX] = max_descriptors};

void process_metrics_render(void *started, struct buf *out)
{
	for (size_t i = 0; i < ROWS; i++) {
		double value = readers[i] ? readers[i]() : *(const double *)started;
		if (value < 0)
			continue;
		metric_head(out, &rows[i]);
		metric_sample(out, &rows[i], NULL);
		buf_printf(out, "%.15g\n", value);
	}
}
