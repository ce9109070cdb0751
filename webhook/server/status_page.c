#include "webhook/server/status_page.h"

#include <stdio.h>

#include <openssl/evp.h>

#define DIGEST_BYTES 32

/* The assembler finds the file relative to the directory in which make runs. */
__asm__(".section .rodata\n"
	"status_page_begin: .incbin \"webhook/server/status_page.html\"\n"
	"status_page_end:\n"
	".previous\n");
extern const char status_page_begin[], status_page_end[];

struct str status_page(void)
{
	return (struct str){status_page_begin, (size_t)(status_page_end - status_page_begin)};
}

/*
 * Writes the digest of the content of the only element of this name, in the form that CSP expects:
 * a SHA-256 in base64. If the element is missing, writes "".
 */
static void digest(const char *open, const char *close, char text[static 64])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	struct str page = status_page();
	const char *from = memmem(page.ptr, page.len, open, strlen(open));
	const char *to = from ? memmem(from, (size_t)(page.ptr + page.len - from), close, strlen(close)) : NULL;
	text[0] = '\0';
	if (!to)
		return;
	from += strlen(open);
	if (EVP_Digest(from, (size_t)(to - from), bytes, NULL, EVP_sha256(), NULL))
		EVP_EncodeBlock((unsigned char *)text, bytes, DIGEST_BYTES);
}

void status_page_policy(char policy[static STATUS_PAGE_POLICY_BYTES])
{
	char style[64], script[64];
	digest("<style>", "</style>", style);
	digest("<script>", "</script>", script);
	snprintf(
	    policy, STATUS_PAGE_POLICY_BYTES,
	    "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; connect-src 'self'; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'",
	    style, script);
}
