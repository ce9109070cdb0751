#include "webhook/metrics/process.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "webhook/metrics/text.h"

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

static const struct family {
	const char *name, *type, *help;
	double (*value)(void); /* Returns a negative value if unknown. NULL: use the start time. */
} families[] = {
    {"process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.", cpu_seconds},
    {"process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", resident_bytes},
    {"process_open_fds", "gauge", "Number of open file descriptors.", open_descriptors},
    {"process_max_fds", "gauge", "Maximum number of open file descriptors.", max_descriptors},
    {"process_start_time_seconds", "gauge", "Start time of the process since the Unix epoch in seconds.", NULL},
};

void metrics_process_render(double started, struct buf *out)
{
	for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
		double value = families[i].value ? families[i].value() : started;
		if (value < 0)
			continue;
		metrics_head(out, families[i].name, families[i].type, families[i].help);
		buf_printf(out, "%s %.15g\n", families[i].name, value);
	}
}
