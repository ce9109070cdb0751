/*
 * test_documents: tests how policy documents are read: what is decoded, and which findings are
 * reported where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpugate/suggest.h"
#include "policy/document/diagnostic.h"
#include "policy/document/read.h"
#include "policy/document/schema.h"

struct reading {
	struct arena arena;
	struct report report;
	struct docs docs;
	int result;
};

static void begin(struct reading *reading)
{
	arena_init(&reading->arena, 1 << 16, (size_t)256 << 20);
	report_init(&reading->report);
}

static void read_text(struct reading *reading, const char *text)
{
	begin(reading);
	reading->result = docs_read_bytes("t.yaml", (struct str){text, strlen(text)}, &reading->arena, &reading->docs,
					  &reading->report);
	report_sort(&reading->report);
}

static void end(struct reading *reading)
{
	arena_release(&reading->arena);
	report_release(&reading->report);
}

static bool is(struct str s, const char *text)
{
	return str_eq(s, str_of(text));
}

#define HEAD(kind) "apiVersion: gpugate.io/v1\nkind: " kind "\nmetadata: {name: x}\n"
#define TENANT HEAD("Tenant") "spec:\n"
#define QUOTA TENANT "  quotas:\n"
#define RULE HEAD("Rule") "spec:\n"
#define ACCELERATOR HEAD("Accelerator") "spec:\n  resource: nvidia.com/gpu\n"

/*
 * Input and its finding; `text` is the beginning of the message. In TENANT and similar, line 5 is
 * the first line of the spec.
 */
static const struct {
	const char *yaml;
	unsigned line, column, length;
	const char *text;
} errors[] = {
    /* Documents. */
    {"- a\n", 1, 1, 1, "a document must be a map of apiVersion, kind, metadata and spec, found a list"},
    {"words\n", 1, 1, 5, "a document must be a map of apiVersion, kind, metadata and spec, found a string"},
    {"kind: Rule\n", 1, 1, 4, "the document has no apiVersion; add \"apiVersion: gpugate.io/v1\""},
    {"apiversion: gpugate.io/v1\nkind: Rule\n", 1, 1, 10, "unknown key \"apiversion\"; did you mean \"apiVersion\"?"},
    {"apiVersion: gpugate.io/v1\nKind: Rule\n", 2, 1, 4, "unknown key \"Kind\"; did you mean \"kind\"?"},
    {"a: b\n", 1, 1, 1, "the document has no apiVersion; a policy folder holds only gpugate.io/v1 documents"},
    {"apiVersion: gpugate.io/v1\n", 1, 1, 10, "the document has no kind; the kinds are Settings, Accelerator"},
    {"apiVersion: gpugate.io/v2\nkind: Rule\n", 1, 13, 13, "unknown version \"gpugate.io/v2\"; this gpugate reads"},
    {"apiVersion: gpugat.io/v1\nkind: Rule\n", 1, 13, 12, "unknown apiVersion \"gpugat.io/v1\"; did you mean"},
    {"apiVersion: apps/v1\nkind: Deployment\n", 1, 13, 7,
     "a policy folder holds only gpugate.io/v1 documents and v1 Namespaces, and this is of \"apps/v1\"; move this "
     "file"},
    {"apiVersion: v1\nkind: ConfigMap\n", 2, 7, 9,
     "a policy folder holds only gpugate.io/v1 documents and v1 Namespaces, and this is a v1 ConfigMap; move it"},
    {"apiVersion: v1\nkind: Tenant\n", 2, 7, 6, "the apiVersion of a Tenant is gpugate.io/v1, not v1"},
    {"apiVersion: gpugate.io/v1\nkind: Namespace\n", 2, 7, 9, "the apiVersion of a Namespace is v1, not gpugate.io/v1"},
    {"apiVersion: gpugate.io/v1\nkind: Tennant\n", 2, 7, 7, "unknown kind \"Tennant\"; did you mean \"Tenant\"?"},
    {"apiVersion: gpugate.io/v1\nkind: Thing\n", 2, 7, 5, "unknown kind \"Thing\"; the kinds are Settings, "},
    {"apiVersion: gpugate.io/v1\nkind: [a]\n", 2, 7, 1, "\"kind\": expected a string, found a list"},
    {"apiVersion: 1\nkind: Rule\n", 1, 13, 1, "\"apiVersion\": expected a string, found the number 1"},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nspec: {}\n", 2, 7, 5, "a Guard document needs the key \"metadata\""},
    {HEAD("Guard"), 2, 7, 5, "a Guard document needs the key \"spec\""},
    {HEAD("Guard") "spec:\n", 4, 1, 4,
     "\"spec\" has no value; expected a map of deny, visibleDevices, hostPaths, resourceClaims, enforcement and exempt"},
    {HEAD("Guard") "sepc: {}\n", 4, 1, 4, "unknown key \"sepc\"; did you mean \"spec\"?"},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {}\nspec: {}\n", 3, 1, 8, "metadata needs the key \"name\""},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: A_b}\nspec: {}\n", 3, 18, 3, "\"A_b\" is not a name: "},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: 12}\nspec: {}\n", 3, 18, 2,
     "\"name\": expected a string, found the number 12; quote it: \"12\""},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: a..b}\nspec: {}\n", 3, 18, 4, "\"a..b\" is not a name"},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: -a}\nspec: {}\n", 3, 18, 2, "\"-a\" is not a name"},
    {"apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: \"\"}\nspec: {}\n", 3, 18, 2, "\"\" is not a name"},
    {HEAD("Guard") "spec: {}\n---\n" HEAD("Guard") "spec: {}\n", 8, 18, 1,
     "a Guard named \"x\" is already defined at t.yaml:3; rename or remove one"},
    {HEAD("Settings") "spec: {}\n---\n" HEAD("Settings") "spec: {}\n", 7, 7, 8,
     "a policy has at most one Settings document; the first is at t.yaml:2"},

    /* YAML. */
    {"a: b: c\n", 1, 5, 1, "a colon cannot stand here; quote the text that holds it, or check the indentation"},
    {"a:\n\tb: c\n", 2, 1, 1, "a tab cannot indent YAML; use spaces"},
    {"a: [b\nc: d\n", 2, 2, 1, "this list in brackets lacks a \",\" or its \"]\" (the list begins on line 1)"},
    {"a: {b: c: d}\n", 1, 9, 1, "a colon cannot stand here; quote the text that holds it"},
    {"a: [b: c: d]\n", 1, 9, 1, "a colon cannot stand here; quote the text that holds it"},
    {"a: {b: \"c, d: \"e\"}\n", 1, 16, 1, "a quotation mark on this line has no partner; add it, or remove the mark"},
    {"a:\n  b:c\n  d: e\n", 2, 3, 3, "a space is missing after the colon of \"b:c\""},
    {"a:\n  b: c\n  d:e\n", 3, 3, 3, "a space is missing after the colon of \"d:e\""},
    {"a: b\n--\nc: d\n", 2, 1, 2, "documents are separated by a line of three dashes, \"---\", and this has 2"},
    {"a: \"b\n---\nc: d\n", 2, 1, 1,
     "a document ends within a quoted text; add the closing quote (the quoted text begins on line 1)"},
    {"a: \"b\n", 2, 1, 1, "the file ends within a quoted text; add the closing quote"},
    {"a: @b\n", 1, 4, 1, "a value cannot begin with this character; quote the value"},
    {"a: \"\\q\"\n", 1, 5, 1, "this escape is not known to YAML"},
    {"a: b\n c: d\n", 2, 3, 1, "a colon cannot stand here"},
    {"- a\nb: c\n", 2, 1, 1, "a list item (\"- \") is expected here"},
    {"a: &x b\n", 1, 4, 1, "anchors (\"&\") are not read"},
    {"a: *x\n", 1, 4, 2, "aliases (\"*\") are not read"},
    {"a: !!str b\n", 1, 4, 1, "tags (\"!\") are not read"},
    {"&x a: b\n", 1, 1, 1, "anchors"},
    {"<<: {a: b}\n", 1, 1, 2, "merge keys (\"<<\") are not read; write the keys out"},
    {"? [a]\n: b\n", 1, 3, 1, "a key must be a word, found a list"},
    {"? {a: b}\n: b\n", 1, 3, 1,
     "a key must be a word, found a map; render it first if it is a template (\"{{ }}\"), or quote it if it is meant "
     "as "
     "text"},
    {"a: \xff\n", 1, 4, 1, "the byte 0xFF is not UTF-8 here; save the file as UTF-8"},
    {"\xc3\xa9: \xc3\x28\n", 1, 4, 1, "the byte 0xC3 is not UTF-8 here"},
    {"a: \xc0\x80\n", 1, 4, 1, "the byte 0xC0 is not UTF-8 here"},
    {"a: b\x01\n", 1, 5, 1, "the character U+0001 is not allowed in YAML; remove it"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 33, 1, "lists and maps are nested deeper than 32 here"},

    /* Configurations that are named. */
    {ACCELERATOR "  sharing: {devicePluginConfig: t.yaml}\n", 6, 33, 6, "\"t.yaml\" is a file of policy; name a file"},
    {ACCELERATOR "  sharing: {devicePluginConfig: ../t.yaml}\n", 6, 33, 9,
     "\"../t.yaml\" leads out of the policy folder"},
    {ACCELERATOR "  sharing: {devicePluginConfig: a/../../t.yaml}\n", 6, 33, 14, "\"a/../../t.yaml\" leads out of the"},
    {ACCELERATOR "  mig: {offeredFrom: /t.yaml}\n", 6, 22, 7, "\"/t.yaml\" is not the path of a .yaml or .yml file"},

    /* Keys. */
    {QUOTA "  - {name: whole, hrad: 4}\n", 6, 19, 4, "unknown key \"hrad\"; did you mean \"hard\"?"},
    {TENANT "  cohrt: research\n", 5, 3, 5, "unknown key \"cohrt\"; did you mean \"cohort\"?"},
    {TENANT "  flavour: research\n", 5, 3, 7,
     "unknown key \"flavour\"; the spec of a Tenant has the keys parent, namespaces,"},
    {TENANT "  borrowing: {}\n", 5, 14, 1, "\"borrowing\" is empty; name at least one, or remove the key"},
    {TENANT "  borrowing: {compute: 2}\n", 5, 24, 1,
     "\"compute\": an entry of borrowing must be a map, such as {borrowUpTo: 2}, found the number 2"},
    {TENANT "  borrowing: {compute: {borowUpTo: 2}}\n", 5, 25, 9,
     "unknown key \"borowUpTo\"; did you mean \"borrowUpTo\"?"},
    {TENANT "  borrowing: {compute: {borrowUpTo: -1}}\n", 5, 37, 2, "\"borrowUpTo\" must be 0 or more, found -1"},
    {TENANT "  borrowing: {compute: {lendUpTo: unlimited}}\n", 5, 35, 9,
     "\"lendUpTo\": \"unlimited\" is not a quantity"},
    {HEAD("Settings") "spec: {terminatingGraceSeconds: nevr}\n", 4, 33, 4,
     "\"terminatingGraceSeconds\" must be a whole number or the word never, found \"nevr\""},
    {HEAD("Settings") "spec: {workloads: [jobset.jobset.x-k8s.io]}\n", 4, 20, 22,
     "\"workloads\" cannot be \"jobset.jobset.x-k8s.io\"; did you mean \"jobsets.jobset.x-k8s.io\"?"},
    {HEAD("Settings") "spec: {terminatingGraceSeconds: 86401}\n", 4, 33, 5,
     "\"terminatingGraceSeconds\" must be 0 to 86400, found 86401"},
    {HEAD("Settings") "spec: {terminatingGraceSeconds: -1}\n", 4, 33, 2,
     "\"terminatingGraceSeconds\" must be 0 to 86400, found -1"},
    {HEAD("Settings") "spec: {terminatingGraceSeconds: []}\n", 4, 33, 1,
     "\"terminatingGraceSeconds\": expected a whole number or the word never, found a list"},
    {HEAD("Settings") "spec: {guardFailurePolicy: fail}\n", 4, 28, 4,
     "\"guardFailurePolicy\" cannot be \"fail\"; did you mean \"Fail\"?"},
    {QUOTA "  - {name: a, hard: 1, hard: 2}\n", 6, 24, 4,
     "the key \"hard\" is given twice; the first is at t.yaml:6:15"},
    {TENANT "  Parent: a\n", 5, 3, 6, "unknown key \"Parent\"; did you mean \"parent\"?"},
    {QUOTA "  - {name: a}\n", 6, 5, 1, "a quota needs the key \"hard\""},
    {QUOTA "  - name: a\n", 6, 5, 4, "a quota needs the key \"hard\""},
    {ACCELERATOR "  sharing: {resource: a/b}\n", 6, 3, 7, "sharing needs the key \"replicas\""},
    {HEAD("Accelerator") "spec: {}\n", 4, 1, 4, "the spec of an Accelerator needs the key \"resource\""},

    /* Types. */
    {TENANT "  namespaces: {a: b}\n", 5, 15, 1, "\"namespaces\": expected a list of strings, found a map"},
    {TENANT "  namespaces: a\n", 5, 15, 1, "\"namespaces\": expected a list of strings, found one string; write [a]"},
    {TENANT "  namespaces: [[a]]\n", 5, 16, 1, "\"namespaces\": expected a string, found a list"},
    {TENANT "  namespaces: [~]\n", 5, 16, 1, "\"namespaces\": expected a string, found null; quote it: \"~\""},
    {TENANT "  namespaces: [A]\n", 5, 16, 1, "\"A\" is not a namespace name"},
    {TENANT "  quotas: {a: b}\n", 5, 11, 1,
     "\"quotas\": expected a list of objects, found a map; begin each item with \"- \""},
    {TENANT "  quotas: [4]\n", 5, 12, 1, "\"quotas\": a quota must be a map, found the number 4"},
    {TENANT "  parent:\n", 5, 3, 6, "\"parent\" has no value; expected a string, or remove the key"},
    {TENANT "  parent: {}\n", 5, 11, 1, "\"parent\": expected a string, found a map"},
    {TENANT "  parent: true\n", 5, 11, 4, "\"parent\": expected a string, found the boolean true; quote it: \"true\""},
    {TENANT "  enforcement: dney\n", 5, 16, 4, "\"enforcement\" cannot be \"dney\"; did you mean \"deny\"?"},
    {TENANT "  earlyAnswer: of\n", 5, 16, 2, "\"earlyAnswer\" cannot be \"of\"; use warn, deny or off"},
    {TENANT "  enforcement: allow\n", 5, 16, 5, "\"enforcement\" cannot be \"allow\"; use deny, warn or audit"},
    {TENANT "  enforcement: [deny]\n", 5, 16, 1, "\"enforcement\": expected one of deny, warn or audit, found a list"},
    {TENANT "  namespaceSelector: a\n", 5, 22, 1,
     "\"namespaceSelector\": expected a map of matchLabels and matchExpressions, found a string"},
    {TENANT "  namespaceSelector: {matchLabels: {a: 1}}\n", 5, 40, 1,
     "\"matchLabels\": expected a string, found the number 1; quote it: \"1\""},
    {TENANT "  namespaceSelector: {matchLabels: {a: 0x1F}}\n", 5, 40, 4,
     "\"matchLabels\": expected a string, found the "},
    {TENANT "  namespaceSelector: {matchLabels: {a: 0o17}}\n", 5, 40, 4,
     "\"matchLabels\": expected a string, found the "},
    {TENANT "  namespaceSelector: {matchLabels: {a: 0b10}}\n", 5, 40, 4,
     "\"matchLabels\": expected a string, found the "},
    {TENANT "  namespaceSelector: {matchLabels: {a b: c}}\n", 5, 37, 3, "\"a b\" is not a qualified name"},
    {TENANT "  namespaceSelector: {matchLabels: {A/b: c}}\n", 5, 37, 3, "\"A/b\" is not a qualified name"},
    {TENANT "  namespaceSelector: {matchLabels: {a: b/c}}\n", 5, 40, 3, "\"b/c\" is not a label value"},
    {TENANT "  namespaceSelector: {matchLabels: {a: B c_D}}\n", 5, 40, 5,
     "\"B c_D\" is not a label value: empty, or at most 63 letters, digits, \"-\", \"_\" and \".\", beginning and "
     "ending "
     "with a letter or digit; did you mean \"B-c_D\"?"},
    {TENANT "  namespaceSelector: {matchLabels: {a=b}}\n", 5, 37, 3,
     "\"a=b\" is not \"key: value\"; did you mean a: b?"},
    {TENANT "  namespaceSelector: {matchLabels: {a= b}}\n", 5, 37, 4,
     "\"a= b\" is not \"key: value\"; did you mean a: b?"},
    {TENANT "  namespaceSelector: {matchLabels: [a]}\n", 5, 36, 1,
     "\"matchLabels\": expected a map of strings, found a list"},
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: In}]}\n", 5, 42, 1, "\"values\" is missing: "},
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}\n", 5, 68, 6,
     "\"values\" is empty: "},
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: Exists, values: [a]}]}\n", 5, 69, 6,
     "the operators Exists and DoesNotExist take no values"},

    /* Numbers and amounts. */
    {RULE "  order: first\n", 5, 10, 5, "\"order\" must be a whole number, found \"first\""},
    {RULE "  order: \"1\"\n", 5, 10, 3, "\"order\": expected a whole number, found a string; remove the quotes"},
    {RULE "  order: 1.5\n", 5, 10, 3, "\"order\" must be a whole number, found \"1.5\""},
    {RULE "  order: 010\n", 5, 10, 3, "\"order\" must be a whole number"},
    {RULE "  gangSeconds: 9\n", 5, 16, 1, "\"gangSeconds\" must be 10 to 86400, found 9"},
    {RULE "  gangSeconds: 86401\n", 5, 16, 5, "\"gangSeconds\" must be 10 to 86400, found 86401"},
    {RULE "  gangs: all\n", 5, 10, 3, "\"gangs\" cannot be \"all\"; use allOrNothing"},
    {RULE "  order: 1000001\n", 5, 10, 7, "\"order\" must be -1000000 to 1000000, found 1000001"},
    {RULE "  order: -99999999999999999999999\n", 5, 10, 24, "\"order\" must be -1000000 to 1000000"},
    {RULE "  order: {}\n", 5, 10, 1, "\"order\": expected a whole number, found a map"},
    {RULE "  required: yes\n", 5, 13, 3, "\"required\" must be true or false, found \"yes\"; write true"},
    {RULE "  required: OFF\n", 5, 13, 3, "\"required\" must be true or false, found \"OFF\"; write false"},
    {RULE "  required: True\n", 5, 13, 4, "\"required\" must be true or false, found \"True\"; write true"},
    {RULE "  required: 0\n", 5, 13, 1, "\"required\" must be true or false, found \"0\"; write false"},
    {RULE "  required: \"true\"\n", 5, 13, 6,
     "\"required\" must be true or false, found \"true\"; write true without quotes"},
    {RULE "  required: maybe\n", 5, 13, 5, "\"required\": expected true or false, found a string"},
    {ACCELERATOR "  sharing: {resource: a/b, replicas: 1}\n", 6, 38, 1, "\"replicas\" must be 2 to 65536, found 1"},
    {ACCELERATOR "  memory: 80GB\n", 6, 11, 4, "\"memory\": \"80GB\" is not a quantity; did you mean 80Gi?"},
    {ACCELERATOR "  memory: 80 gib\n", 6, 11, 6, "\"memory\": \"80 gib\" is not a quantity; did you mean 80Gi?"},
    {ACCELERATOR "  memory: 81920MB\n", 6, 11, 7, "\"memory\": \"81920MB\" is not a quantity; did you mean 81920Mi?"},
    {ACCELERATOR "  memory: 80g\n", 6, 11, 3, "\"memory\": \"80g\" is not a quantity; did you mean 80Gi?"},
    {ACCELERATOR "  memory: lots\n", 6, 11, 4,
     "\"memory\": \"lots\" is not a quantity; write a number such as 4, 6.5 or 320Gi"},
    {ACCELERATOR "  memory: 80GBytes\n", 6, 11, 8,
     "\"memory\": \"80GBytes\" is not a quantity; write a number such as 4, 6.5 or 320Gi"},
    {QUOTA "  - {name: a, hard: 4 GPUs}\n", 6, 21, 6, "\"hard\": \"4 GPUs\" is not a quantity; did you mean 4?"},
    {QUOTA "  - name: a\n    hard: 6,5\n", 7, 11, 3, "\"hard\": \"6,5\" is not a quantity; did you mean 6.5?"},
    {QUOTA "  - {name: a, hard: 6,5}\n", 6, 23, 1, "a comma ends the value of \"hard\"; write 6.5 with a point"},
    {QUOTA "  - {name: a, hard: 4K}\n", 6, 21, 2, "\"hard\": \"4K\" is not a quantity; did you mean 4k?"},
    /* Keys at the wrong level, and names that are nearly right. */
    {HEAD("Tenant") "namespaces: [a]\n", 4, 1, 10, "\"namespaces\" belongs below \"spec\"; indent it there"},
    {HEAD("Settings") "spec: {exempt: [kube-system]}\n", 4, 16, 1,
     "\"exempt\": expected a map of namespaces, users and groups, found a list"},
    {QUOTA "  - {name: q, hard: }\n", 6, 15, 4, "\"hard\" has no value; expected a quantity such as 4, 6.5 or 320Gi"},
    {ACCELERATOR "  mig: {offered: [1g.10GB]}\n", 6, 19, 7,
     "\"1g.10GB\" is not a MIG profile such as 1g.10gb or 1g.10gb+me; did you mean \"1g.10gb\"?"},
    {ACCELERATOR "  mig: {offered: [nvidia.com/mig-1g.10gb]}\n", 6, 19, 22,
     "\"nvidia.com/mig-1g.10gb\" is not a MIG profile such as 1g.10gb or 1g.10gb+me; did you mean \"1g.10gb\"?"},
    {TENANT "  namespaces: [Team_A]\n", 5, 16, 6,
     "\"Team_A\" is not a namespace name: at most 63 lower-case letters, digits and \"-\", in which \"*\" and \"?\" "
     "are "
     "wildcards; did you mean \"team-a\"?"},
    /* Suggestions that would mean the opposite. */
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: NotExists}]}\n", 5, 61, 9,
     "\"operator\" cannot be \"NotExists\"; use In, NotIn, Exists or DoesNotExist"},
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: DoesExist}]}\n", 5, 61, 9,
     "\"operator\" cannot be \"DoesExist\"; use In, NotIn, Exists or DoesNotExist"},
    {TENANT "  namespaceSelector: {matchExpressions: [{key: a, operator: DoesNotExists}]}\n", 5, 61, 13,
     "\"operator\" cannot be \"DoesNotExists\"; did you mean \"DoesNotExist\"?"},
    {HEAD("Guard") "spec: {deny: [unprivileged]}\n", 4, 15, 12,
     "\"deny\" cannot be \"unprivileged\"; use visibleDevicesEnv, hostDeviceMounts"},
    {ACCELERATOR "  notNodeLabels: {a: b}\n", 6, 3, 13,
     "unknown key \"notNodeLabels\"; the spec of an Accelerator has"},
    {HEAD("Settings") "spec: {enforcement: no}\n", 4, 21, 2,
     "\"enforcement\" cannot be \"no\"; use deny, warn or audit"},
    /* A missing colon is reported where it is missing. */
    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: x}\nspec\n  namespaces: [a]\n", 4, 1, 4,
     "a colon is missing after \"spec\""},
    {"apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata:\n  name x\n  labels: {a: b}\n", 4, 3, 4,
     "a colon is missing after \"name\""},
    {"apiVersion gpugate.io/v1\nkind: Tenant\n", 1, 1, 10, "a colon is missing after \"apiVersion\""},
    {QUOTA "  - name q\n    hard: 1\n", 6, 5, 4, "a colon is missing after \"name\""},
    {TENANT "  namespaces: [a]\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", 6, 1, 10,
     "a second document begins here; put a line \"---\" before it"},
    {ACCELERATOR "  memory: 0\n", 6, 11, 1, "\"memory\" must be above 0, found 0"},
    {ACCELERATOR "  memory: 9Ei\n", 6, 11, 3, "\"memory\": \"9Ei\" is out of range"},
    {ACCELERATOR "  memory: unlimited\n", 6, 11, 9, "\"memory\": \"unlimited\" is not a quantity"},
    {ACCELERATOR "  memory: []\n", 6, 11, 1, "\"memory\": expected a quantity such as 4, 6.5 or 320Gi, found a list"},
    {QUOTA "  - {name: a, hard: -1}\n", 6, 21, 2, "\"hard\" must be 0 or more, found -1"},
    {QUOTA "  - {name: a, hard: unlimted}\n", 6, 21, 8,
     "\"hard\": \"unlimted\" is not a quantity; did you mean \"unlimited\"?"},
    {QUOTA "  - {name: a, hard: four}\n", 6, 21, 4,
     "\"hard\": \"four\" is not a quantity; write a number such as 4, 6.5 or "
     "320Gi, or unlimited"},

    /* The rest of the schema. */
    {ACCELERATOR "  mig: {profiles: builtn}\n", 6, 19, 6,
     "\"profiles\" cannot be \"builtn\"; did you mean \"builtin\"?"},
    {ACCELERATOR "  mig: {profiles: all}\n", 6, 19, 3, "\"profiles\": expected the word builtin or a list of objects"},
    {ACCELERATOR "  mig: {profiles: []}\n", 6, 19, 1, "\"profiles\" is empty; name at least one, or remove the key"},
    {ACCELERATOR "  mig: {profiles: [{name: big, computeSlices: 1, memorySlices: 1}]}\n", 6, 27, 3,
     "the profile's name does not say its memory; give \"memory\""},
    {ACCELERATOR "  mig: {profiles: [{name: 1g.1gb, computeSlices: 1, memorySlices: 1},\n"
		 "    {name: 1g.1gb, computeSlices: 1, memorySlices: 1}]}\n",
     7, 12, 6, "\"1g.1gb\" is already defined at t.yaml:6; rename or remove one"},
    {RULE "  match: {requests: {nvidia.com/gpu: 1}}\n", 5, 38, 1,
     "\"nvidia.com/gpu\": a range must be a map, such as {min: 1, max: 1}, found the number 1"},
    {RULE "  match: {requests: [a]}\n", 5, 21, 1, "\"requests\": expected a map of objects, found a list"},
    {RULE "  match: {requests: {a/b/c: {}}}\n", 5, 22, 5, "\"a/b/c\" is not a qualified name"},
    {RULE "  rewrite:\n  - {from: a/b, toMig: {accelerator: a, memoryFrom: env:X}}\n", 6, 53, 5,
     "\"env:X\" is not annotation:KEY or label:KEY"},
    {RULE "  rewrite:\n  - {from: a/b, toClaim: {template: A}}\n", 6, 37, 1, "\"A\" is not a name"},
    {RULE "  rewrite:\n  - {from: a/b, toClaim: {count: 2}}\n", 6, 17, 7,
     "a claim from a template needs the key \"template\""},
    {RULE "  inject: {tolerations: [{key: a, operator: Exists, tolerationSeconds: 3}]}\n", 5, 72, 1,
     "\"tolerationSeconds\" needs the effect NoExecute"},
    {HEAD("Guard") "spec: {deny: [privilegd]}\n", 4, 15, 9,
     "\"deny\" cannot be \"privilegd\"; did you mean \"privileged\"?"},
    {HEAD("Guard") "spec: {deny: privileged}\n", 4, 14, 10,
     "\"deny\": expected a list of words, found one string; write [privileged]"},
    {HEAD("Guard") "spec: {exempt: {users: [\"a\\nb\"]}}\n", 4, 25, 6,
     "\"a\xef\xbf\xbd"
     "b\" is not a user or group name"},
    {"apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {a: true}}\n", 3, 33, 4,
     "\"labels\": expected a string, found the boolean true; quote it"},
};

static bool says(const struct finding *finding, size_t row)
{
	return finding->line == errors[row].line && finding->column == errors[row].column &&
	       finding->length == errors[row].length && str_starts(finding->text, str_of(errors[row].text));
}

static void test_errors(void **state)
{
	unsigned wrong = 0;
	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		struct reading r;
		bool said = false;
		read_text(&r, errors[i].yaml);
		for (unsigned f = 0; f < r.report.count; f++)
			said = said || says(&r.report.findings[f], i);
		/* One mistake in a complete document causes one finding. */
		bool whole = str_starts(str_of(errors[i].yaml), STR("apiVersion: gpugate.io/v1\nkind: "));
		if (!said || r.result != -1 || (whole && r.report.count != 1)) {
			print_error("%s-- wants %u:%u (%u): %s\n", errors[i].yaml, errors[i].line, errors[i].column,
				    errors[i].length, errors[i].text);
			for (unsigned f = 0; f < r.report.count; f++)
				print_error("-- has   %u:%u (%u): %.*s\n", r.report.findings[f].line,
					    r.report.findings[f].column, r.report.findings[f].length,
					    STR_ARG(r.report.findings[f].text));
			wrong++;
		}
		end(&r);
	}
	assert_int_equal(wrong, 0);
}

static const char everything[] =
    "# the whole table\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Settings\nmetadata: {name: cluster, labels: {a: 1}, annotations: ~}\n"
    "spec:\n  enforcement: audit\n  untenanted: allow\n  uncovered: warn\n  onOutage: allow\n"
    "  chargeClaims: asAllocated\n"
    "  terminatingGraceSeconds: never\n  workloads: [jobsets.jobset.x-k8s.io]\n  guardFailurePolicy: Fail\n"
    "  exempt: {namespaces: [gpu-operator], users: [\"system:*\"], groups: []}\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: a100-80gb}\n"
    "spec:\n  resource: nvidia.com/gpu\n  memory: 80Gi\n  weight: \"1.5\"\n"
    "  nodeLabels: {nvidia.com/gpu.product: NVIDIA-A100, empty: \"\"}\n"
    "  mig:\n    model: a100\n    profiles:\n    - {name: 1g.10gb+me, computeSlices: 1, memorySlices: 2}\n"
    "    - {name: two, computeSlices: 2, memorySlices: 2, memory: 20Gi}\n"
    "    computeSlices: 4\n    memorySlices: 4\n    offered: [two]\n    strategy: single\n"
    "    offeredFrom: nvidia/mig.yaml#balanced\n"
    "  sharing: {resource: nvidia.com/gpu.shared, replicas: 4, maxPerContainer: 2, devicePluginConfig: p.yml}\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: team-a}\n"
    "spec:\n  parent: research\n  namespaces: [team-a, \"team-a-*\"]\n"
    "  namespaceSelector:\n    matchLabels: {gpugate.io/tenant: team-a}\n"
    "    matchExpressions: [{key: stage, operator: NotIn, values: [dev, \"\"]}, {key: x, operator: DoesNotExist}]\n"
    "  quotas:\n  - {name: whole, resources: [\"nvidia.com/*\"], hard: 4}\n"
    "  - {name: compute, measure: gpus, hard: \"6.5\"}\n"
    "  - {name: memory, measure: memory, accelerators: [a100-80gb], hard: unlimited}\n"
    "  cohort: sciences\n  borrowing: {compute: {borrowUpTo: 2, lendUpTo: \"1.5\"}, whole: {}}\n"
    "  enforcement: warn\n  earlyAnswer: deny\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Rule\nmetadata: {name: small}\n"
    "spec:\n  order: -100\n  match:\n    tenants: [team-a]\n    namespaces: [\"t-?\"]\n    namespaceSelector: {}\n"
    "    podSelector: {matchLabels: {workload: inference}}\n"
    "    requests: {nvidia.com/gpu: {max: 2}, amd.com/gpu: {}}\n"
    "  rewrite:\n"
    "  - {from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, memoryFrom: \"annotation:gpugate.io/m\", default: "
    "10Gi, "
    "pin: true}}\n"
    "  - {from: amd.com/gpu, to: amd.com/gpu.shared}\n"
    "  - {from: gpu.intel.com/xe, toClaim: {template: two.xe, count: 2}}\n"
    "  inject:\n    nodeSelector: {node-type: edge}\n"
    "    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoExecute, tolerationSeconds: 30}, {key: b, "
    "value: c}]\n"
    "    runtimeClassName: nvidia\n"
    "  gangs: allOrNothing\n  gangSeconds: 600\n"
    "  onConflict: override\n  required: true\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: ways}\n"
    "spec:\n  deny: [visibleDevicesEnv, hostDeviceMounts, deviceVolumeMounts, mixedMigInContainer,\n"
    "         sharedRequestAboveOne, preboundNodeName, privileged, ephemeralContainers, resourceClaims,\n"
    "         deviceAnnotations, fractionAnnotations, severalSlicesInContainer]\n"
    "  hostPaths: {allow: [/var/log, /srv/x]}\n  enforcement: audit\n"
    "  visibleDevices: void\n  exempt: {users: [bob], namespaces: [ops]}\n"
    "---\n"
    "apiVersion: gpugate.io/v1\nkind: Workload\nmetadata: {name: things}\n"
    "spec:\n  group: example.com\n  kind: Thing\n  plural: things\n  suspend: [spec.suspend]\n"
    "  pods:\n  - {template: \"spec.a[].t\", replicas: [\"spec.a[].n - 1\", spec.n]}\n"
    "  - {template: spec.b, orTemplate: spec.c, together: false}\n"
    "  - {podSpec: spec.p, metadata: spec.m, containers: [spec.d], resources: spec.r, device: spec.g}\n"
    "---\n"
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a-1, labels: {stage: \"prod\"}, uid: 4}\nstatus: {phase: "
    "1}\n"
    "---\n"
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: bare\n  labels:\n";

static void test_tenant_and_settings(void **state)
{
	(void)state;
	struct reading r;
	read_text(&r, everything);
	if (r.result != 0)
		fail_msg("%u: %.*s", r.report.findings[0].line, STR_ARG(r.report.findings[0].text));
	assert_int_equal(r.docs.settings.count, 1);
	const struct doc_settings *settings = r.docs.settings.items;
	assert_int_equal(settings->at.line, 4);
	assert_true(is(settings->name.s, "cluster"));
	assert_int_equal(settings->enforcement.value, ENFORCEMENT_AUDIT);
	assert_int_equal(settings->untenanted.value, ENFORCEMENT_ALLOW);
	assert_int_equal(settings->uncovered.value, ENFORCEMENT_WARN);
	assert_int_equal(settings->on_outage.value, ENFORCEMENT_ALLOW);
	assert_int_equal(settings->charge_claims.value, CLAIM_CHARGE_ALLOCATED);
	assert_true(settings->exempt.set && settings->exempt.namespaces.count == 1);
	assert_true(is(settings->exempt.namespaces.items[0].s, "gpu-operator"));
	assert_true(settings->exempt.groups.set && settings->exempt.groups.count == 0);
	assert_true(settings->terminating_seconds.set && settings->terminating_seconds.word);
	assert_int_equal(settings->guard_failure.value, FAILURE_POLICY_FAIL);

	assert_int_equal(r.docs.tenants.count, 1);
	const struct doc_tenant *tenant = r.docs.tenants.items;
	assert_true(is(tenant->parent.s, "research"));
	assert_int_equal(tenant->namespaces.count, 2);
	assert_int_equal(tenant->namespace_selector.match_labels.count, 1);
	assert_int_equal(tenant->namespace_selector.match_expressions.count, 2);
	const struct doc_expression *expression = tenant->namespace_selector.match_expressions.items;
	assert_int_equal(expression[0].op.value, SELECTOR_NOT_IN);
	assert_true(expression[0].values.count == 2 && is(expression[0].values.items[1].s, ""));
	assert_int_equal(expression[1].op.value, SELECTOR_DOES_NOT_EXIST);
	assert_int_equal(tenant->quotas.count, 3);
	const struct doc_quota *quota = tenant->quotas.items;
	assert_true(quota[0].hard.value.nano == (wide)4 * QUANTITY_SCALE && !quota[0].measure.set);
	assert_int_equal(quota[0].measure.value, MEASURE_COUNT);
	/* A default has the location of its object. */
	assert_int_equal(quota[0].measure.at.line, quota[0].at.line);
	assert_true(quota[1].measure.value == MEASURE_GPUS && is(quota[1].hard.text, "6.5"));
	assert_true(quota[2].hard.unlimited && quota[2].measure.value == MEASURE_MEMORY);
	assert_int_equal(tenant->enforcement.value, ENFORCEMENT_WARN);
	assert_int_equal(tenant->early_answer.value, EARLY_ANSWER_DENY);
	assert_true(is(tenant->cohort.s, "sciences"));
	assert_int_equal(tenant->borrowing.count, 2);
	const struct doc_borrowing *borrowing = tenant->borrowing.items;
	assert_true(is(borrowing[0].key.s, "compute") && is(borrowing[0].lend.text, "1.5"));
	assert_true(borrowing[0].borrow.value.nano == (wide)2 * QUANTITY_SCALE);
	assert_true(is(borrowing[1].key.s, "whole") && !borrowing[1].borrow.set && !borrowing[1].lend.set);

	assert_int_equal(r.docs.namespaces.count, 2);
	assert_true(is(r.docs.namespaces.items[0].labels.items[0].value.s, "prod"));
	assert_true(!r.docs.namespaces.items[1].labels.set);
	end(&r);
}

static void test_accelerator_rule_guard(void **state)
{
	(void)state;
	struct reading r;
	read_text(&r, everything);
	assert_int_equal(r.result, 0);
	const struct doc_accelerator *accelerator = r.docs.accelerators.items;
	assert_true(accelerator->weight.value.nano == 1500000000 && accelerator->node_labels.count == 2);
	assert_true(accelerator->mig.set && !accelerator->mig.profiles_builtin && accelerator->mig.profiles.count == 2);
	assert_true(accelerator->mig.profiles.items[0].memory.value.nano == (wide)(10ll << 30) * QUANTITY_SCALE);
	assert_true(accelerator->mig.profiles.items[1].memory.value.nano == (wide)(20ll << 30) * QUANTITY_SCALE);
	assert_int_equal(accelerator->mig.compute_slices.value, 4);
	assert_int_equal(accelerator->mig.strategy.value, MIG_SINGLE);
	assert_true(accelerator->sharing.replicas.value == 4 && accelerator->sharing.max_per_container.value == 2);
	assert_true(is(accelerator->mig.offered_from.s, "nvidia/mig.yaml#balanced") && !accelerator->mig.layout);
	assert_true(is(accelerator->sharing.device_plugin_config.s, "p.yml") && !accelerator->sharing.plugin);

	const struct doc_rule *rule = r.docs.rules.items;
	assert_int_equal(rule->order.value, -100);
	assert_true(rule->match.namespace_selector.set && !rule->match.namespace_selector.match_labels.set);
	assert_int_equal(rule->match.requests.count, 2);
	assert_true(is(rule->match.requests.items[0].key.s, "nvidia.com/gpu"));
	assert_true(rule->match.requests.items[0].min.value == 1 && rule->match.requests.items[0].max.value == 2);
	assert_true(!rule->match.requests.items[1].max.set);
	assert_true(rule->rewrite.items[0].to_mig.pin.value && !str_present(rule->rewrite.items[0].to.s));
	assert_true(!rule->rewrite.items[1].to_mig.set && is(rule->rewrite.items[1].to.s, "amd.com/gpu.shared"));
	assert_true(!rule->rewrite.items[1].to_claim.set && rule->rewrite.items[2].to_claim.set);
	assert_true(is(rule->rewrite.items[2].to_claim.template.s, "two.xe"));
	assert_int_equal(rule->rewrite.items[2].to_claim.count.value, 2);
	assert_int_equal(rule->inject.tolerations.items[0].op.value, TOLERATION_EXISTS);
	assert_int_equal(rule->inject.tolerations.items[0].effect.value, EFFECT_NO_EXECUTE);
	assert_int_equal(rule->inject.tolerations.items[0].seconds.value, 30);
	assert_true(rule->inject.tolerations.items[1].op.value == TOLERATION_EQUAL &&
		    !rule->inject.tolerations.items[1].effect.set);
	assert_true(is(rule->inject.runtime_class.s, "nvidia") && rule->required.value);
	assert_int_equal(rule->on_conflict.value, CONFLICT_OVERRIDE);
	assert_true(rule->gangs.set && rule->gang_seconds.value == 600);

	const struct doc_guard *guard = r.docs.guards.items;
	assert_int_equal(guard->deny.count, GUARD_WORDS);
	for (uint32_t i = 0; i < GUARD_WORDS; i++)
		assert_int_equal(guard->deny.items[i].value, i);
	assert_int_equal(guard->visible_devices.value, VISIBLE_DEVICES_VOID);
	assert_int_equal(guard->enforcement.value, ENFORCEMENT_AUDIT);
	assert_true(guard->host_paths.set && guard->host_paths.allow.count == 2);
	assert_int_equal(guard->exempt.namespaces.count, 1);

	const struct doc_workload *workload = r.docs.workloads.items;
	assert_true(is(workload->group.s, "example.com") && is(workload->kind.s, "Thing"));
	assert_true(is(workload->plural.s, "things") && workload->suspend.count == 1);
	assert_int_equal(workload->pods.count, 3);
	const struct doc_workload_pods *pods = workload->pods.items;
	assert_true(is(pods[0].template.s, "spec.a[].t") && is(pods[0].replicas.items[0].s, "spec.a[].n - 1"));
	assert_true(pods[0].together.value && !pods[1].together.value && is(pods[1].or_template.s, "spec.c"));
	assert_true(is(pods[2].pod_spec.s, "spec.p") && is(pods[2].metadata.s, "spec.m"));
	assert_true(is(pods[2].containers.items[0].s, "spec.d") && is(pods[2].resources.s, "spec.r"));
	assert_true(is(pods[2].device.s, "spec.g"));
	end(&r);
}

/* No parser reads these as numbers: their digits are not of the base that the prefix names. */
static void test_strings_that_look_like_numbers(void **state)
{
	static const char *const texts[] = {"0b9", "0b1f", "0o8", "0oa", "0x1g", "0x"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct reading r;
		char yaml[200];
		snprintf(yaml, sizeof yaml, TENANT "  namespaceSelector: {matchLabels: {a: %s}}\n", texts[i]);
		read_text(&r, yaml);
		assert_int_equal(r.result, 0);
		assert_true(is(r.docs.tenants.items[0].namespace_selector.match_labels.items[0].value.s, texts[i]));
		end(&r);
	}
}

static void test_defaults(void **state)
{
	(void)state;
	struct reading r;
	read_text(&r, HEAD("Settings") "spec: {}\n---\n" ACCELERATOR
				       "  mig: {}\n  sharing: {resource: a/b, replicas: 2}\n---\n" HEAD(
					   "Rule") "spec: {}\n---\n" HEAD("Guard") "spec: {}\n");
	assert_int_equal(r.result, 0);
	const struct doc_settings *settings = r.docs.settings.items;
	assert_int_equal(settings->enforcement.value + settings->untenanted.value + settings->uncovered.value, 0);
	assert_true(!settings->exempt.set && settings->exempt.namespaces.count == 1 &&
		    !settings->exempt.namespaces.set);
	assert_true(is(settings->exempt.namespaces.items[0].s, "kube-system"));
	const struct doc_accelerator *accelerator = r.docs.accelerators.items;
	assert_true(accelerator->mig.profiles_builtin && !accelerator->mig.profiles.set &&
		    !accelerator->mig.offered.set);
	assert_int_equal(accelerator->mig.compute_slices.value, 7);
	assert_int_equal(accelerator->mig.memory_slices.value, 8);
	assert_int_equal(accelerator->sharing.max_per_container.value, 1);
	assert_true(accelerator->weight.value.nano == QUANTITY_SCALE && !accelerator->memory.set);
	assert_int_equal(r.docs.rules.items[0].order.value, 1000);
	assert_int_equal(r.docs.rules.items[0].on_conflict.value, CONFLICT_DENY);
	assert_true(!r.docs.rules.items[0].gangs.set && r.docs.rules.items[0].gang_seconds.value == 300);
	assert_int_equal(r.docs.guards.items[0].exempt.namespaces.count, 0);
	assert_int_equal(r.docs.guards.items[0].visible_devices.value, VISIBLE_DEVICES_REFUSE);
	end(&r);
}

static void test_empty_and_bom(void **state)
{
	(void)state;
	struct reading r;
	read_text(&r, "\xef\xbb\xbf---\n# nothing\n---\n~\n--- null\n...\n");
	assert_int_equal(r.result, 0);
	end(&r);
	read_text(&r, "");
	assert_int_equal(r.result, 0);
	end(&r);
}

/* A syntax error does not hide findings before it. */
static void test_several(void **state)
{
	(void)state;
	struct reading r;
	read_text(&r, QUOTA "  - {name: a, hrad: 1}\n  - {name: b, hard: x}\n---\na: [\n");
	assert_int_equal(r.report.errors, 3);
	assert_int_equal(r.report.findings[0].line, 6);
	assert_int_equal(r.report.findings[1].line, 7);
	assert_int_equal(r.report.findings[2].line, 10);
	end(&r);
}

static void print(struct reading *r, struct buf *out)
{
	buf_init(out, 1 << 20);
	report_print(&r->report, false, out);
	buf_char(out, '\0');
}

static void test_print(void **state)
{
	(void)state;
	struct reading r;
	struct buf out;
	read_text(&r, QUOTA "  - {name: \"\xc3\xa9\",\thrad: 4}\n");
	print(&r, &out);
	assert_string_equal(
	    out.ptr, "t.yaml:6:12: error: \"\xc3\xa9\" is not a name: lower-case letters, digits, \"-\" and \".\", "
		     "beginning and ending with a letter or digit, at most 253 characters\n"
		     "    6 |   - {name: \"\xc3\xa9\",\thrad: 4}\n"
		     "      |            ^~~\n"
		     "t.yaml:6:17: error: unknown key \"hrad\"; did you mean \"hard\"?\n"
		     "    6 |   - {name: \"\xc3\xa9\",\thrad: 4}\n"
		     "      |                \t^~~~\n");
	buf_release(&out);
	end(&r);
}

static void test_print_many(void **state)
{
	(void)state;
	struct reading r;
	struct buf out;
	char text[4096] = TENANT;
	for (int i = 0; i < 27; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "  zzz%d: 1\n", i);
	read_text(&r, text);
	docs_report(&r.report, &r.docs, SEVERITY_WARNING, (struct location){.line = 1, .column = 1}, "careful");
	report_sort(&r.report);
	print(&r, &out);
	assert_int_equal(r.report.errors, 27);
	assert_int_equal(r.report.count, REPORT_ERRORS_MAX + 1);
	const char *more = strstr(out.ptr, "and 7 more errors\n");
	const char *warning = strstr(out.ptr, "t.yaml:1:1: warning: careful\n");
	assert_true(more && warning && more < warning);
	assert_non_null(strstr(out.ptr, "t.yaml:24:3: error"));
	assert_null(strstr(out.ptr, "t.yaml:25:3: error"));
	buf_release(&out);
	end(&r);
}

/* Which findings are kept does not depend on the order of discovery. */
static void test_order(void **state)
{
	(void)state;
	struct reading forth, back;
	struct buf one, two;
	char text[200];
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	read_text(&forth, text);
	read_text(&back, text);
	for (unsigned i = 1; i <= 100; i++) {
		docs_report(&forth.report, &forth.docs, SEVERITY_ERROR, (struct location){0, i, 1, 1}, "number %u", i);
		docs_report(&back.report, &back.docs, SEVERITY_ERROR, (struct location){0, 101 - i, 1, 1}, "number %u",
			    101 - i);
	}
	report_sort(&forth.report);
	report_sort(&back.report);
	print(&forth, &one);
	print(&back, &two);
	assert_string_equal(one.ptr, two.ptr);
	assert_non_null(strstr(one.ptr, "number 20\n"));
	assert_null(strstr(one.ptr, "number 21\n"));
	assert_non_null(strstr(one.ptr, "and 80 more errors\n"));
	buf_release(&one);
	buf_release(&two);
	end(&forth);
	end(&back);
}

static void test_long_line(void **state)
{
	(void)state;
	struct reading r;
	struct buf out;
	char text[2000];
	memset(text, ' ', sizeof text);
	memcpy(text, "{a: b,", 6);
	memcpy(text + 1000, "kind: *x", 8);
	memcpy(text + 1998, "}", 2);
	read_text(&r, text);
	const struct finding *alias = &r.report.findings[r.report.count - 1];
	assert_int_equal(alias->column, 1007);
	assert_int_equal(alias->quote_from, 967);
	assert_true(alias->quote.len < 200);
	print(&r, &out);
	assert_non_null(strstr(out.ptr, "    1 | ..."));
	buf_release(&out);
	end(&r);
}

/* Escape sequences in YAML cannot control the terminal. */
static void test_hostile_words(void **state)
{
	(void)state;
	struct reading r;
	struct buf out;
	read_text(&r, TENANT "  \"\\e[31m\\u202e\": 1\n");
	print(&r, &out);
	assert_null(strchr(out.ptr, '\033'));
	assert_non_null(strstr(out.ptr, "unknown key \"\xef\xbf\xbd[31m\xef\xbf\xbd\"; "));
	buf_release(&out);
	buf_init(&out, 1 << 16);
	report_print(&r.report, true, &out);
	buf_char(&out, '\0');
	assert_non_null(strstr(out.ptr, "\033[31merror: \033[0m"));
	buf_release(&out);
	end(&r);
}

/*
 * Every row has documentation: complete sentences, and descriptions of words. Words of a field have
 * different values.
 */
static void check_object(const struct schema_object *object)
{
	assert_true(object->field_count > 0 && object->field_count < 64 && object->doc);
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		struct str doc = str_of(field->doc);
		if (!str_ends(doc, STR(".")) || doc.ptr[0] < '/' || field->key.len == 0)
			fail_msg("%s.%.*s has no proper sentence", object->name, STR_ARG(field->key));
		for (size_t w = 0; w < field->word_count; w++) {
			assert_non_null(field->words[w].doc);
			for (size_t v = 0; v < w; v++)
				assert_int_not_equal(field->words[v].value, field->words[w].value);
		}
		if (field->object)
			check_object(field->object);
	}
}

static void test_schema(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		check_object(schema_kinds[i].object);
}

/* --- Folders --- */

static char folder[64];

static const char *at(const char *name)
{
	static char path[8][256];
	static unsigned next;
	char *slot = path[next++ % 8];
	snprintf(slot, sizeof path[0], "%s/%s", folder, name);
	return slot;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(at(name), "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/gpugate-docs-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void read_paths(struct reading *r, const char *one, const char *two)
{
	const char *paths[] = {one, two};
	begin(r);
	r->result = docs_read(paths, two ? 2 : 1, &r->arena, &r->docs, &r->report);
	report_sort(&r->report);
}

static void expect_only(struct reading *r, const char *file, const char *text)
{
	if (r->report.count != 1 || !is(r->report.findings[0].file, file) ||
	    !str_starts(r->report.findings[0].text, str_of(text)))
		fail_msg("%u findings, first %.*s: %.*s", r->report.count, STR_ARG(r->report.findings[0].file),
			 STR_ARG(r->report.findings[0].text));
	assert_int_equal(r->result, -1);
	end(r);
}

#define GUARD(name) "apiVersion: gpugate.io/v1\nkind: Guard\nmetadata: {name: " name "}\nspec: {}\n"

/*
 * A folder as a ConfigMap is mounted: symbolic links into ..data, which is itself a symbolic link.
 */
static void test_folder(void **state)
{
	(void)state;
	struct reading r;
	mkdir(at("b"), 0755);
	mkdir(at("..2024"), 0755);
	mkdir(at(".git"), 0755);
	put("..2024/z.yaml", GUARD("z"));
	put(".git/x.yaml", "not: policy");
	put(".hidden.yaml", "not: policy");
	put("README.md", "not policy");
	put("b/two.yml", GUARD("two"));
	put("a.yaml", GUARD("one"));
	put("c.json", "{");
	assert_int_equal(symlink("..2024", at("..data")), 0);
	assert_int_equal(symlink("..data/z.yaml", at("z.yaml")), 0);
	/* The same file is read once. */
	assert_int_equal(symlink("a.yaml", at("y.yaml")), 0);
	read_paths(&r, at("b"), folder);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.docs.guards.count, 3);
	assert_true(is(r.docs.guards.items[0].name.s, "one"));
	assert_true(is(r.docs.guards.items[1].name.s, "two"));
	assert_true(is(r.docs.guards.items[2].name.s, "z"));
	end(&r);
	/* A file that is given directly is read whatever its name. */
	read_paths(&r, at("c.json"), NULL);
	assert_int_equal(r.report.errors, 1);
	end(&r);
	put("b/three.yml", GUARD("one"));
	read_paths(&r, folder, NULL);
	char first[128];
	snprintf(first, sizeof first, "a Guard named \"one\" is already defined at %s/a.yaml:3", folder);
	expect_only(&r, at("b/three.yml"), first);
}

static void test_folder_problems(void **state)
{
	(void)state;
	struct reading r;
	mkdir(at("e"), 0755);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e"), "this folder holds no policy document");
	read_paths(&r, at("missing"), NULL);
	expect_only(&r, at("missing"), "no such file or folder");
	put("e/empty.yaml", "# nothing\n");
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e"), "holds no policy document");
	put("e/good.yaml", GUARD("one"));
	assert_int_equal(symlink("nowhere", at("e/bad.yaml")), 0);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e/bad.yaml"), "this symbolic link leads to nothing; remove it, or correct its target");
	unlink(at("e/bad.yaml"));
	assert_int_equal(symlink("../e", at("e/loop")), 0);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e/loop"), "this symbolic link leads back to a folder that holds it; remove the link");
	unlink(at("e/loop"));
	assert_int_equal(symlink("self", at("e/self")), 0);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e/self"), "this symbolic link leads to itself; remove it");
	unlink(at("e/self"));
	assert_int_equal(mkfifo(at("e/pipe.yaml"), 0644), 0);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e/pipe.yaml"), "is not a regular file; move it out of the policy folder");
	unlink(at("e/pipe.yaml"));
	put("e/big.yaml", "");
	assert_int_equal(truncate(at("e/big.yaml"), (1 << 20) + 1), 0);
	read_paths(&r, at("e"), NULL);
	expect_only(&r, at("e/big.yaml"), "is larger than 1 MiB; split it into several files");
	unlink(at("e/big.yaml"));
	if (geteuid() != 0) {
		put("e/locked.yaml", "");
		chmod(at("e/locked.yaml"), 0);
		read_paths(&r, at("e"), NULL);
		expect_only(&r, at("e/locked.yaml"), "cannot be read: Permission denied");
	}
}

static void test_little_memory(void **state)
{
	(void)state;
	for (size_t max = 0; max < 40000; max += 97) {
		struct reading r;
		begin(&r);
		arena_release(&r.arena);
		arena_init(&r.arena, 64, max);
		r.result = docs_read_bytes("t.yaml", STR(everything), &r.arena, &r.docs, &r.report);
		assert_int_equal(r.result, r.report.errors ? -1 : 0);
		end(&r);
	}
}

/*
 * For every word or key of the schema with a prefix that negates it, the word itself must not be
 * suggested.
 */
static unsigned suggest_opposites(const struct str *words, size_t count, size_t stride)
{
	static const char *const prefixes[] = {"not", "Not", "non", "Non", "un", "Un", "dis", "no-", "not-", "without"};
	unsigned wrong = 0;
	for (size_t w = 0; w < count; w++) {
		struct str word = *(const struct str *)(const void *)((const char *)words + w * stride);
		for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
			char text[128];
			int len = snprintf(text, sizeof text, "%s%.*s", prefixes[p], STR_ARG(word));
			struct str near = suggest_word((struct str){text, (size_t)len}, words, count, stride);
			if (str_present(near) && !str_eq(near, (struct str){text, (size_t)len}) && str_eq(near, word)) {
				print_error("%s -> %.*s\n", text, STR_ARG(near));
				wrong++;
			}
		}
	}
	return wrong;
}

static unsigned object_opposites(const struct schema_object *object, unsigned depth)
{
	unsigned wrong = suggest_opposites(&object->fields[0].key, object->field_count, sizeof object->fields[0]);
	for (size_t i = 0; i < object->field_count; i++) {
		const struct schema_field *field = &object->fields[i];
		if (field->word_count)
			wrong += suggest_opposites(&field->words[0].word, field->word_count, sizeof field->words[0]);
		if (field->object && depth < 8)
			wrong += object_opposites(field->object, depth + 1);
	}
	return wrong;
}

static void test_no_suggestion_says_the_opposite(void **state)
{
	(void)state;
	for (size_t i = 0; i < KINDS; i++)
		assert_int_equal(object_opposites(schema_kinds[i].object, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_tenant_and_settings),
	    cmocka_unit_test(test_accelerator_rule_guard),
	    cmocka_unit_test(test_strings_that_look_like_numbers),
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_empty_and_bom),
	    cmocka_unit_test(test_several),
	    cmocka_unit_test(test_print),
	    cmocka_unit_test(test_print_many),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_long_line),
	    cmocka_unit_test(test_hostile_words),
	    cmocka_unit_test(test_schema),
	    cmocka_unit_test(test_no_suggestion_says_the_opposite),
	    cmocka_unit_test_setup_teardown(test_folder, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(test_folder_problems, make_folder, remove_folder),
	    cmocka_unit_test(test_little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
