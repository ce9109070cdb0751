#include "webhook/server/names.h"

#include "webhook/registration/render.h"

static const char *const suffixes[SERVE_SERVICE_NAMES] = {".svc", ".svc.cluster.local", ""};

static int add_service(struct serve_names *names, const char *service, const char *namespace, struct error *err)
{
	if (strchr(service, '.'))
		return error_set(err, "--service %.200s: give the Service's name alone, without its namespace",
				 service);
	for (size_t i = 0; i < SERVE_SERVICE_NAMES; i++) {
		snprintf(names->service[i], sizeof names->service[i], "%s.%s%s", service, namespace, suffixes[i]);
		if (certs_check_dns(names->service[i], err) < 0)
			return error_wrap(err, "--service %.200s in namespace %.200s", service, namespace);
		names->dns[names->dns_count++] = names->service[i];
	}
	return 0;
}

static int add(struct serve_names *names, const char *name, struct error *err)
{
	bool address = certs_is_ip(name);
	if (!address && certs_check_dns(name, err) < 0)
		return error_wrap(err, "--certs-name");
	if (names->dns_count + names->ip_count == CERTS_NAMES_MAX)
		return error_set(err, "--certs-name: a certificate is for at most %d names; leave some out",
				 CERTS_NAMES_MAX);
	if (address)
		names->ips[names->ip_count++] = name;
	else
		names->dns[names->dns_count++] = name;
	return 0;
}

int serve_names_fill(struct serve_names *names, const struct serve_options *options, const char *namespace,
		     struct error *err)
{
	if (add_service(names, options->service ? options->service : RENDER_NAME, namespace, err) < 0)
		return -1;
	for (size_t i = 0; i < options->certs_names.count; i++)
		if (add(names, options->certs_names.items[i], err) < 0)
			return -1;
	return 0;
}
