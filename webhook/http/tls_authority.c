#include "webhook/http/tls_authority.h"

#include <stdlib.h>

#include "webhook/http/tls_file.h"

void tls_authority_free(struct tls_authority *authority)
{
	if (!authority)
		return;
	if (authority->list)
		gnutls_x509_trust_list_deinit(authority->list, 1);
	free(authority);
}

static int take_certificates(struct tls_authority *authority, const char *file, struct error *err)
{
	struct buf text;
	buf_init(&text, TLS_FILE_BYTES_MAX);
	int result = tls_file_read(file, "client CA", "--client-ca", &text, err);
	if (result == 0) {
		gnutls_datum_t pem = tls_datum(&text);
		int added = text.len ? gnutls_x509_trust_list_add_trust_mem(authority->list, &pem, NULL,
									    GNUTLS_X509_FMT_PEM, 0, 0)
				     : 0;
		if (added <= 0)
			result = error_set(err,
					   "the client CA %.200s contains no certificate in PEM that can be read "
					   "(\"-----BEGIN CERTIFICATE-----\")",
					   file);
	}
	buf_release(&text);
	return result;
}

struct tls_authority *tls_authority_load(const char *file, struct error *err)
{
	struct tls_authority *authority = calloc(1, sizeof *authority);
	if (!authority || gnutls_x509_trust_list_init(&authority->list, 0) < 0) {
		error_set(err, "not enough memory for the client CA %.200s", file);
	} else if (take_certificates(authority, file, err) == 0) {
		authority->references = 1;
		return authority;
	}
	tls_authority_free(authority);
	return NULL;
}
