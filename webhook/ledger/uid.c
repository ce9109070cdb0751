#include "webhook/ledger/uid.h"

#include <openssl/evp.h>
#include <string.h>

#define UUID_BYTES 16
#define UUID_DIGITS 36   /* Including hyphens. */
#define BASE64 22        /* Characters without padding. */
#define BASE64_PADDED 24 /* Characters with padding. */
#define OTHER '='        /* Prefix of a uid that is not a UUID; base64 uses it only for padding. */

static bool is_hyphen_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether a uid is a UUID as Kubernetes writes it. If so, sets its bytes. */
static bool uuid_read(struct str uid, unsigned char bytes[static UUID_BYTES])
{
	size_t digits = 0;
	if (uid.len != UUID_DIGITS)
		return false;
	memset(bytes, 0, UUID_BYTES);
	for (size_t i = 0; i < UUID_DIGITS; i++) {
		int digit = hex_digit(uid.ptr[i]);
		if (is_hyphen_at(i) ? uid.ptr[i] != '-' : digit < 0)
			return false;
		if (is_hyphen_at(i))
			continue;
		bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | digit);
		digits++;
	}
	return true;
}

static void uuid_write(const unsigned char bytes[static UUID_BYTES], char uid[static UUID_DIGITS])
{
	size_t digits = 0;
	for (size_t i = 0; i < UUID_DIGITS; i++) {
		if (is_hyphen_at(i)) {
			uid[i] = '-';
			continue;
		}
		uid[i] = "0123456789abcdef"[digits % 2 ? bytes[digits / 2] & 15 : bytes[digits / 2] >> 4];
		digits++;
	}
}

void ledger_uid_write(struct buf *out, struct str uid)
{
	unsigned char bytes[UUID_BYTES], base64[BASE64_PADDED + 1];
	if (!uuid_read(uid, bytes)) {
		buf_char(out, OTHER);
		buf_str(out, uid);
		return;
	}
	EVP_EncodeBlock(base64, bytes, UUID_BYTES);
	buf_str(out, (struct str){(const char *)base64, BASE64});
}

size_t ledger_uid_bytes(struct str uid)
{
	unsigned char bytes[UUID_BYTES];
	return uuid_read(uid, bytes) ? BASE64 : uid.len + 1;
}

/*
 * Decodes 22 characters, if they are exactly what ledger_uid_write writes for these bytes. OpenSSL
 * alone would also accept blanks, and nonzero bits after the last byte.
 */
static bool base64_read(struct str written, unsigned char bytes[static BASE64_PADDED])
{
	unsigned char padded[BASE64_PADDED + 1] = "", again[BASE64_PADDED + 1];
	memcpy(padded, written.ptr, BASE64);
	memcpy(padded + BASE64, "==", 2);
	if (EVP_DecodeBlock(bytes, padded, BASE64_PADDED) < UUID_BYTES)
		return false;
	EVP_EncodeBlock(again, bytes, UUID_BYTES);
	return memcmp(again, padded, BASE64_PADDED) == 0;
}

int ledger_uid_read(struct str written, struct arena *arena, struct str *uid)
{
	unsigned char bytes[BASE64_PADDED];
	*uid = (struct str){0};
	if (written.len > 0 && written.ptr[0] == OTHER)
		*uid = str_tail(written, 1);
	else if (written.len == BASE64 && base64_read(written, bytes)) {
		char *text = arena_alloc(arena, UUID_DIGITS);
		if (!text)
			return -1;
		uuid_write(bytes, text);
		*uid = (struct str){text, UUID_DIGITS};
	}
	return 0;
}
