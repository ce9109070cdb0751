"""The exact messages of lint for common mistakes. The remedy is the one that was meant, both
locations of a clash are named, and mere consequences of another mistake are not reported. A case
is a policy in which « marks where its only finding must point."""

import json

import pytest

from gpugate import run, write_policy
from lint_cases import A100, L4, TEAM, accelerator, document, policy, product, quota, rule, settings, tenant
from manifest_cases import pod


def selector(operator):
    return tenant("a", f"  namespaceSelector: {{matchExpressions: [{{key: k, operator: «{operator}}}]}}\n")


def offered(name):
    """Returns a policy with a Rule that would choose among the profiles, and a quota that names
    one."""
    return policy(accelerator("a100-80gb", product("A") + f"  mig: {{offered: [«{name}]}}\n"),
                  tenant("a", "  namespaces: [a]\n  quotas: [{name: q, resources: [nvidia.com/mig-1g.10gb], hard: 1}]\n"),
                  rule("r", "  rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}}]\n"))


def to_mig(name):
    return rule("r", f"  rewrite: [{{from: nvidia.com/gpu, toMig: {{accelerator: «{name}, default: 10Gi}}}}]\n")


A100_PROFILES = "1g.10gb, 1g.10gb+me, 1g.20gb, 2g.20gb, 3g.40gb, 4g.40gb, 7g.80gb"

WORDS = {
    # A suggestion never means the opposite.
    "NotExists": (selector("NotExists"), '"operator" cannot be "NotExists"; use In, NotIn, Exists or DoesNotExist'),
    "DoesExist": (selector("DoesExist"), '"operator" cannot be "DoesExist"; use In, NotIn, Exists or DoesNotExist'),
    "notexist": (selector("notexist"), '"operator" cannot be "notexist"; use In, NotIn, Exists or DoesNotExist'),
    "exist": (selector("exist"), '"operator" cannot be "exist"; did you mean "Exists"?'),
    "Equals": (document("Rule", "r", "  inject: {tolerations: [{key: a, operator: «NotEqual, value: b}]}\n"),
               '"operator" cannot be "NotEqual"; use Equal or Exists'),
    "off": (settings("  enforcement: «off\n"), '"enforcement" cannot be "off"; use deny, warn or audit'),
    "Schedule": (document("Rule", "r", "  inject: {tolerations: [{key: a, effect: «Schedule, value: b}]}\n"),
                 '"effect" cannot be "Schedule"; use NoSchedule, PreferNoSchedule or NoExecute'),
    "without": (accelerator("x", "  «outNodeLabels: [a]\n"),
                'unknown key "outNodeLabels"; the spec of an Accelerator has the keys resource, memory, weight, nodeLabels, withoutNodeLabels, '
                "deviceClasses, mig, sharing and capacity"),
    # Names of other documents: similar ones, those that begin with it, else what there is.
    "a short name in a Rule": (policy(A100, TEAM, to_mig("a100")), 'no Accelerator is named "a100"; did you mean "a100-80gb"?'),
    "a long name in a Rule": (policy(A100, TEAM, to_mig("a100-80gb-sxm4-hbm")), 'no Accelerator is named "a100-80gb-sxm4-hbm"; did you mean "a100-80gb"?'),
    "a name that begins two": (policy(A100, accelerator("a100-40gb", product("B")), TEAM, to_mig("a100")),
                               'no Accelerator is named "a100"; did you mean one of "a100-40gb", "a100-80gb"?'),
    "a name that is none": (policy(A100, L4, TEAM, to_mig("h100")), 'no Accelerator is named "h100"; name one of "a100-80gb", "l4"'),
    "a name of nothing": (policy(TEAM, to_mig("h100")), 'no Accelerator is named "h100"; there is none'),
    "a short name in a quota": (quota("{name: q, accelerators: [«a100], hard: 1}"), 'no Accelerator is named "a100"; did you mean "a100-80gb"?'),
    "a short name of a Tenant": (policy(A100, TEAM, rule("r", "  match: {tenants: [«team]}\n  inject: {runtimeClassName: x}\n")),
                                 'no Tenant is named "team"; did you mean "team-a"?'),
    "a Tenant that is none": (policy(*[tenant(f"t{n}") for n in range(5)], rule("r", "  match: {tenants: [«research]}\n  inject: {runtimeClassName: x}\n")),
                              'no Tenant is named "research"; name one of "t0", "t1", "t2" and 2 more'),
    "a parent that is none": (policy(tenant("a"), tenant("b", "  parent: «nlp\n  namespaces: [b]\n  quotas: [{name: q, hard: 1}]\n")),
                              'no Tenant is named "nlp"; name one of "a", "b"'),
    "a borrowed quota": (policy(A100, tenant("a", "  namespaces: [a]\n  cohort: c\n  quotas: [{name: compute-gpus, hard: 8}]\n  borrowing: {«compute: {borrowUpTo: 4}}\n"),
                                tenant("b", "  namespaces: [b]\n  cohort: c\n  quotas: [{name: compute-gpus, hard: 8}]\n")),
                         'Tenant "a" has no quota named "compute"; did you mean "compute-gpus"?'),
    # Amounts.
    "24GB": (accelerator("x", "  memory: «24GB\n"), '"memory": "24GB" is not a quantity; did you mean 24Gi?'),
    "24 GiB": (accelerator("x", "  memory: «24 GiB\n"), '"memory": "24 GiB" is not a quantity; did you mean 24Gi?'),
    "24gi": (accelerator("x", "  memory: «24gi\n"), '"memory": "24gi" is not a quantity; did you mean 24Gi?'),
    "24m": (policy(accelerator("x", "  memory: «24m\n"),
                   tenant("a", "  namespaces: [a]\n  quotas: [{name: q, measure: memory, hard: 24Gi}]\n")),
            '"24m" is memory in bytes; write a unit, such as 40Gi'),
    "6,5 in braces": (quota("{name: q, hard: 6,«5}"), 'a comma ends the value of "hard"; write 6.5 with a point'),
    "6,5": (quota("name: q\n    hard: «6,5"), '"hard": "6,5" is not a quantity; did you mean 6.5?'),
    "4 GPUs": (quota("{name: q, hard: «4 GPUs}"), '"hard": "4 GPUs" is not a quantity; did you mean 4?'),
    "infinite": (quota("{name: q, hard: «infinite}"), '"hard": "infinite" is not a quantity; write a number such as 4, 6.5 or 320Gi, or unlimited'),
    "unlimted": (quota("{name: q, hard: «unlimted}"), '"hard": "unlimted" is not a quantity; did you mean "unlimited"?'),
    "a weight without a common unit": (
        policy(accelerator("a", "  weight: «0.123456789\n" + product("A")), TEAM),
        "with this number the weights, replicas and fractional quotas of the policy have no common unit; use a rounder one (fewer decimals, or "
        "replicas that are a multiple or a part of those of other Accelerators)"),
    "replicas without a common unit": (
        policy(accelerator("a", product("A") + "  weight: 0.0000001\n"), accelerator("b", product("B") + "  sharing: {resource: nvidia.com/s, replicas: «997}\n"), TEAM),
        "with this number the weights, replicas and fractional quotas of the policy have no common unit; use a rounder one (fewer decimals, or "
        "replicas that are a multiple or a part of those of other Accelerators)"),
    "a quota without a common unit": (
        policy(A100, tenant("a", "  namespaces: [a]\n  quotas: [{name: q, measure: gpus, hard: «0.123456789}]\n")),
        "with this number the weights, replicas and fractional quotas of the policy have no common unit; use a rounder one (fewer decimals, or "
        "replicas that are a multiple or a part of those of other Accelerators)"),
    # Flags and maps.
    "yes": (policy(A100, TEAM, rule("r", "  required: «yes\n  inject: {runtimeClassName: n}\n")), '"required" must be true or false, found "yes"; write true'),
    "off for false": (policy(A100, TEAM, rule("r", "  required: «Off\n  inject: {runtimeClassName: n}\n")),
                      '"required" must be true or false, found "Off"; write false'),
    "quoted": (policy(A100, TEAM, rule("r", "  required: «'true'\n  inject: {runtimeClassName: n}\n")),
               '"required" must be true or false, found "true"; write true without quotes'),
    "requests: 1": (policy(A100, TEAM, rule("r", "  match: {requests: {nvidia.com/gpu: «1}}\n  inject: {runtimeClassName: n}\n")),
                    '"nvidia.com/gpu": a range must be a map, such as {min: 1, max: 1}, found the number 1'),
    # YAML.
    "no colon": ("apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata:\n  name: x\n«spec\n  namespaces: [a]\n", 'a colon is missing after "spec"'),
    "no colon before a value": ("apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata:\n  «name x\n  labels: {a: b}\n", 'a colon is missing after "name"'),
    "no colon in a list": (tenant("a", "  namespaces: [a]\n  quotas:\n  - «name q\n    hard: 1\n"), 'a colon is missing after "name"'),
    "no colon above a comment": ("apiVersion: gpugate.io/v1\n«kind Tenant\n\nmetadata: {name: x}\nspec: {}\n", 'a colon is missing after "kind"'),
    "no dashes": (TEAM + "«" + tenant("b"), 'a second document begins here; put a line "---" before it'),
    # Both locations of a clash.
    "namespace twice": (policy(TEAM, tenant("z", "  namespaces: [«team-a]\n  quotas: [{name: q, hard: 1}]\n")),
                        'namespace "team-a" belongs to Tenant "team-a" at {file}:5; a namespace has one Tenant, so remove it from one of the two'),
    "namespace twice in one Tenant": (tenant("a", "  namespaces: [a, b, «a]\n"), 'namespace "a" is listed already at {file}:5; remove one'),
    "Tenant twice": (policy(TEAM, "apiVersion: gpugate.io/v1\nkind: Tenant\nmetadata: {name: «team-a}\nspec: {}\n"),
                     'a Tenant named "team-a" is already defined at {file}:3; rename or remove one'),
    "Accelerator twice": (policy(L4, "apiVersion: gpugate.io/v1\nkind: Accelerator\nmetadata: {name: «l4}\nspec: {resource: nvidia.com/gpu}\n"),
                          'an Accelerator named "l4" is already defined at {file}:3; rename or remove one'),
    "Settings twice": (policy(settings("  enforcement: warn\n"), "apiVersion: gpugate.io/v1\nkind: «Settings\nmetadata: {name: x}\nspec: {}\n"),
                       "a policy has at most one Settings document; the first is at {file}:2"),
    "quota twice": (tenant("a", "  namespaces: [a]\n  quotas: [{name: q, hard: 1}, {name: «q, hard: 2}]\n"),
                    'Tenant "a" has a quota named "q" already, at {file}:6; give each its own name'),
    "profile twice": (accelerator("x", "  mig:\n    profiles:\n    - {name: 1g.1gb, computeSlices: 1, memorySlices: 1}\n"
                                       "    - {name: «1g.1gb, computeSlices: 1, memorySlices: 1}\n"),
                      '"1g.1gb" is already defined at {file}:8; rename or remove one'),
    "rewrite twice": (policy(A100, TEAM, rule("r", "  rewrite:\n  - {from: nvidia.com/gpu, to: nvidia.com/gpu.shared}\n"
                                                   "  - {from: «nvidia.com/gpu, to: nvidia.com/mig-1g.10gb}\n")),
                      'the Rule rewrites "nvidia.com/gpu" already at {file}:23; only the first could ever act'),
    "key twice": (tenant("a", "  namespaces: [a]\n  «namespaces: [b]\n"), 'the key "namespaces" is given twice; the first is at {file}:5:3'),
    "another Tenant's namespace": (policy(A100, TEAM, tenant("b"), rule("r", "  match: {tenants: [b], namespaces: [«team-a]}\n  inject: {runtimeClassName: n}\n")),
                                   'no Pod can ever match: namespace "team-a" belongs to Tenant "team-a" ({file}:13), which match.tenants does not name'),
    "a pattern over an Accelerator": (policy(settings("  otherResources: [«nvidia.com/g*]\n"), L4, TEAM),
                                      '"nvidia.com/g*" matches "nvidia.com/gpu", a resource of Accelerator "l4" at {file}:11; make the pattern narrower'),
    "other nodes": (policy(A100, TEAM, rule("r", "  rewrite: [{from: nvidia.com/gpu, toMig: {accelerator: a100-80gb, default: 10Gi}}]\n"
                                                 "  inject: {nodeSelector: {nvidia.com/gpu.product: «L4}}\n")),
                    'no Pod can ever land there: the nodes of Accelerator "a100-80gb" ({file}:7), whose profiles the Rule chooses, have '
                    "nvidia.com/gpu.product=A100"),
    "a chain of rewrites": (policy(A100, TEAM, rule("one", "  rewrite: [{from: nvidia.com/gpu, to: nvidia.com/gpu.shared}]\n"),
                                   rule("two", "  rewrite: [{from: «nvidia.com/gpu.shared, to: nvidia.com/gpu}]\n")),
                            'rewriting "nvidia.com/gpu.shared" to "nvidia.com/gpu" leads back to a name that was rewritten before ({file}:22); '
                            "break the chain"),
    "a rewrite to itself": (policy(A100, TEAM, rule("one", "  rewrite: [{from: «nvidia.com/gpu, to: nvidia.com/gpu}]\n")),
                            '"nvidia.com/gpu" is rewritten to itself; name another resource, or remove the rewrite'),
    # Mere consequences are not reported.
    "an equals sign in braces": (accelerator("x", "  nodeLabels: {«nvidia.com/gpu.product=L4}\n"),
                                 '"nvidia.com/gpu.product=L4" is not "key: value"; did you mean nvidia.com/gpu.product: L4?'),
    "blanks in a label": (accelerator("x", "  nodeLabels: {nvidia.com/gpu.product: «NVIDIA A100 SXM4 80GB}\n"),
                          '"NVIDIA A100 SXM4 80GB" is not a label value: empty, or at most 63 letters, digits, "-", "_" and ".", beginning and ending '
                          'with a letter or digit; did you mean "NVIDIA-A100-SXM4-80GB"?'),
    "a misspelled apiVersion": ("«apiversion: gpugate.io/v1\nkind: Settings\nmetadata: {name: x}\nspec: {}\n",
                                'unknown key "apiversion"; did you mean "apiVersion"?'),
    "no blank after a colon": (settings("  «enforcement:audit\n  onOutage: allow\n"), 'a space is missing after the colon of "enforcement:audit"'),
    "two dashes": (settings("  enforcement: audit\n") + "«--\n" + settings("  enforcement: warn\n"),
                   'documents are separated by a line of three dashes, "---", and this has 2'),
    "a cycle": (policy(tenant("nlp", "  parent: «research\n  namespaces: [n]\n  cohort: c\n  quotas: [{name: q, hard: 1}]\n"),
                       tenant("research", "  parent: nlp\n  cohort: c\n  quotas: [{name: q, hard: 1}]\n")),
                'the parents of Tenant "nlp" lead back to itself: nlp -> research -> nlp; remove one `parent`'),
    "a cycle with a Rule for it": (policy(A100, tenant("x", "  parent: «y\n"), tenant("y", "  parent: z\n"), tenant("z", "  parent: x\n"),
                                          rule("r", "  match: {tenants: [x]}\n  inject: {runtimeClassName: n}\n")),
                                   'the parents of Tenant "x" lead back to itself: x -> y -> z -> x; remove one `parent`'),
    "mig-1g.10gb": (offered("mig-1g.10gb"), 'the model has no MIG profile "mig-1g.10gb"; did you mean "1g.10gb"?'),
    "1g.10gb.me": (offered("1g.10gb.me"), 'the model has no MIG profile "1g.10gb.me"; did you mean "1g.10gb+me"?'),
    "3g.20gb": (offered("3g.20gb"), f'the model has no MIG profile "3g.20gb"; it has {A100_PROFILES}'),
    "a profile of one's own": (policy(accelerator("x", "  mig:\n    profiles: [{name: 1c.1x, computeSlices: 1, memorySlices: 1, memory: 1Gi}]\n    offered: [«1c.2x]\n"),
                                      tenant("a", "  namespaces: [a]\n  quotas: [{name: q, resources: [nvidia.com/mig-1c.1x], hard: 1}]\n")),
                               'the model has no MIG profile "1c.2x"; it has 1c.1x'),
    "no table": (policy(accelerator("x", "  «mig: {strategy: single}\n  sharing: {resource: nvidia.com/mig-1g.5gb.shared, replicas: 2}\n"), TEAM),
                 'no built-in MIG table for "x"; set mig.model to a known one (such as a100-80gb) or list mig.profiles'),
    "no domain": (quota("{name: q, resources: [«gpu], hard: 1}"),
                  'no Accelerator has a resource "gpu" and no built-in catalog knows it; did you mean "nvidia.com/gpu"?'),
}


@pytest.mark.parametrize("name", WORDS)
def test_words(tmp_path, name):
    text, sentence = WORDS[name]
    start = text.index("«")
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    folder = write_policy(tmp_path, text.replace("«", ""))
    done = run("lint", "-o", "json", folder)
    found = [(f["severity"], f["line"], f["column"], f["text"]) for f in json.loads(done.stdout)["findings"]]
    assert found == [("error", line, column, sentence.replace("{file}", str(folder / "policy.yaml")))]
    assert done.returncode == 1


# --- The choices of every field, and words for the opposite ---

CHOICES = {
    "deny": (lambda word: settings(f"  enforcement: {word}\n"), ["undeny", "nodeny", "not-deny"]),
    "Exists": (selector, ["NotExists", "NoExists", "UnExists", "DoesNotExists"]),
    "In": (selector, ["NotIn", "NoIn", "UnIn"]),
    "NotIn": (selector, ["In", "In "]),
    "privileged": (lambda word: document("Guard", "g", f"  deny: [{word}]\n"), ["unprivileged", "nonprivileged", "notprivileged", "noprivileged"]),
    "override": (lambda word: rule("r", f"  onConflict: {word}\n"), ["nooverride", "dontoverride", "notoverride"]),
    "shared": (lambda word: accelerator("x", f"  mig: {{strategy: {word}}}\n"), ["unshared", "notmixed", "unmixed"]),
    "Fail": (lambda word: settings(f"  quotaFailurePolicy: {word}\n"), ["NoFail", "NotFail", "UnFail"]),
    "Ignore": (lambda word: settings(f"  quotaFailurePolicy: {word}\n"), ["NotIgnore", "DontIgnore", "UnIgnore"]),
}


@pytest.mark.parametrize("right, wrong", [(right, wrong) for right, (_, words) in CHOICES.items() for wrong in words])
def test_no_suggestion_says_the_opposite(tmp_path, right, wrong):
    text = CHOICES[right][0](wrong).replace("«", "")
    out = run("lint", write_policy(tmp_path, text)).stdout
    assert f'did you mean "{right}"' not in out, out


# --- The summary, standard input, and usage errors ---


def summary(out):
    return out.splitlines()[-1]


def test_the_summary_names_the_settings(tmp_path):
    folder = write_policy(tmp_path, policy(TEAM, settings("  enforcement: warn\n")))
    done = run("lint", folder)
    assert done.stdout == ("no errors (Accelerators 0, Tenants 1, quotas 1, Rules 0, Guards 0)\n"
                           f"Settings at {folder}/policy.yaml:9: enforcement is warn\n")
    report = json.loads(run("lint", "-o", "json", folder).stdout)
    assert (report["settings"], report["enforcement"], report["ignoredFiles"]) == (f"{folder}/policy.yaml:9", "warn", [])


def test_the_summary_says_that_there_are_no_settings(tmp_path):
    folder = write_policy(tmp_path, {"team.yaml": TEAM, "Settings.YAML": settings("  enforcement: warn\n")})
    done = run("lint", folder)
    assert "no Settings document: enforcement is deny, and only the namespace kube-system is exempt\n" in done.stdout
    assert summary(done.stdout) == f"files ignored because of their names: {folder}/Settings.YAML" and "[file-ignored]" in done.stdout
    report = json.loads(run("lint", "-o", "json", folder).stdout)
    assert (report["settings"], report["enforcement"]) == (None, "deny")


def test_errors_say_nothing_of_settings_that_could_not_be_read(tmp_path):
    out = run("lint", write_policy(tmp_path, {"settings.yaml": "kind: Settings\n", "team.yaml": TEAM})).stdout
    assert "Settings document" not in out and "enforcement" not in out, out
    assert json.loads(run("lint", "-o", "json", tmp_path).stdout)["enforcement"] is None


def test_the_summary_counts_warnings(tmp_path):
    """Otherwise users would see "no errors" and exit status 1 without a reason."""
    write_policy(tmp_path, policy(A100, document("Tenant", "a", "  namespaces: [a]\n")))
    counts = "(Accelerators 1, Tenants 1, quotas 0, Rules 0, Guards 0)"
    assert f"\nno errors, 1 warning {counts}\n" in run("lint", tmp_path).stdout
    assert f"\nno errors, 1 warning, which --strict does not allow {counts}\n" in run("lint", "--strict", tmp_path).stdout
    assert run("lint", "--allow", "tenant-without-quota", tmp_path).stdout.startswith(f"no errors {counts}\n1 warning left out by --allow\n")
    write_policy(tmp_path, {"two.yaml": document("Tenant", "b", "  namespaces: [b]\n")})
    assert "\nno errors, 2 warnings (" in run("lint", tmp_path).stdout


def test_the_summary_counts_errors_and_warnings(tmp_path):
    """Warnings come after the errors, which may be many."""
    file = tmp_path / "app.yaml"
    for limits, expected in (("nvidia.com/gpu: 0.5", "1 error, no warnings"), ("nvidia.com/gpu: 0.5, nvidia.com/gpus: 1", "1 error, 1 warning"),
                             ("nvidia.com/gpu: 0.5, amd.com/gpu: 0.5, nvidia.com/gpus: 1, amd.com/gpus: 1", "2 errors, 2 warnings")):
        file.write_text(pod(limits=limits))
        assert summary(run("lint", file).stdout) == expected


def test_strict(tmp_path):
    write_policy(tmp_path, policy(A100, document("Tenant", "a", "  namespaces: [a]\n")))
    assert run("lint", tmp_path).returncode == 0
    assert run("lint", "--strict", tmp_path).returncode == 1
    assert run("lint", "--strict", "-o", "json", tmp_path).returncode == 1
    assert run("lint", "--strict", "--allow", "tenant-unused", tmp_path).returncode == 1
    assert run("lint", "--strict", "--allow", "tenant-without-quota", "--allow", "tenant-unused", tmp_path).returncode == 0
    assert json.loads(run("lint", "-o", "json", "--allow", "tenant-without-quota", tmp_path).stdout)["allowed"] == 1


@pytest.mark.parametrize("name, sentence", [
    ("nonsense", '--allow: no finding is named "nonsense"; the names are in brackets at the end of warnings'),
    ("model-overlp", '--allow: no finding is named "model-overlp"; did you mean "model-overlap"?'),
    ("count-with-unit", '--allow: "count-with-unit" is an error, which `gpugate serve` refuses; only warnings can be left out')])
def test_allow_of_what_is_no_warning(tmp_path, name, sentence):
    done = run("lint", "--allow", name, write_policy(tmp_path, TEAM))
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"gpugate lint: {sentence}\n")


def test_standard_input(tmp_path):
    import subprocess

    from gpugate import BINARY

    def lint(text, *args):
        return subprocess.run([BINARY, "lint", *args, "-"], input=text, capture_output=True, text=True, check=False, timeout=60)

    text = policy(A100, TEAM, settings("  enforcement: audit\n  quotaFailurePolicy: Ignore\n  onOutage: allow\n"))
    done = lint(text)
    assert (done.returncode, done.stdout) == (0, "no errors (Accelerators 1, Tenants 1, quotas 1, Rules 0, Guards 0)\n"
                                                 "Settings at standard input:19: enforcement is audit\n"), done
    done = lint(quota("{name: q, hrad: 1}"))
    assert done.returncode == 1 and done.stdout.startswith('standard input:17:15: error: unknown key "hrad"; did you mean "hard"?'), done.stdout
    done = lint(text, write_policy(tmp_path, tenant("b")))
    assert done.returncode == 0 and "Tenants 2" in done.stdout
    assert lint("").returncode == 1


def test_the_server_says_that_there_are_no_settings(serve):
    server = serve(TEAM)
    (line,) = server.log("policy_loaded")
    assert "settings" not in line and line["message"] == "no Settings document: enforcement is deny, and only the namespace kube-system is exempt"
    server.reload(policy(TEAM, settings("  enforcement: warn\n")))
    line = server.log("policy_loaded")[-1]
    assert line["settings"].endswith("policy.yaml:9") and "message" not in line


def test_the_server_refuses_a_policy_with_errors(tmp_path):
    folder = write_policy(tmp_path, quota("{name: q, hrad: 1, hadr: 2}"))
    done = run("serve", "--policy", folder, "--listen", "127.0.0.1:0", "--tls-cert", "x", "--tls-key", "y")
    assert done.returncode != 0
    assert "the policy has 2 errors; fix them and start again (`gpugate lint` prints the same)" in done.stderr, done.stderr
