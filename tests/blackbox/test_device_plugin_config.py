"""An Accelerator may name the configurations of NVIDIA's device plugin and of mig-parted. What they
say is used where the Accelerator says nothing, and compared where it does."""

import json
import textwrap

import pytest

from gpugate import eventually, run, write_policy
from kube import GPU, doc, pod

SHARED, SLICE = "nvidia.com/gpu.shared", "nvidia.com/mig-1g.10gb"
TEAM = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "measure": "gpus", "hard": 1}])
CONFIG = """\
version: v1
flags: {migStrategy: none, failOnInitError: true}
sharing:
  timeSlicing:
    renameByDefault: true
    resources:
    - name: nvidia.com/gpu
      replicas: 4
"""
MIG = """\
version: v1
mig-configs:
  all-disabled:
  - {devices: all, mig-enabled: false}
  all-1g.10gb:
  - devices: all
    mig-enabled: true
    mig-devices: {1g.10gb: 7}
  all-balanced:
  - device-filter: ["0x20B010DE"]
    devices: all
    mig-enabled: true
    mig-devices: {1g.5gb: 2}
  - device-filter: ["0x20B210DE"]
    devices: [0, 1]
    mig-enabled: true
    mig-devices: {2g.20gb: 1, 3g.40gb: 1}
"""


def config_map(**data):
    text = "# Applied to the cluster as it is.\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: device-plugin-config}\ndata:\n"
    return text + "".join(f"  {key}: |\n{textwrap.indent(value, '    ')}" for key, value in data.items())


def shared(config="plugin.yaml", **hand):
    return doc("Accelerator", "l4", resource=GPU, memory="24Gi", nodeLabels={"nvidia.com/gpu.product": "NVIDIA-L4"},
               sharing={"devicePluginConfig": config, **hand})


def cut(config="mig.yaml", **hand):
    return doc("Accelerator", "a100-80gb", resource=GPU, nodeLabels={"nvidia.com/gpu.product": "A100"},
               mig={"offeredFrom": config, **hand})


def lint(folder, accelerator, **files):
    """Returns the findings as (severity, id, file, line, column, text), without the folder."""
    names = {name.replace("_yaml", ".yaml").replace("__", "/"): text for name, text in files.items()}
    write_policy(folder, {"policy.yaml": [accelerator, TEAM], **names})
    report = json.loads(run("lint", "-o", "json", folder).stdout)
    return [(f["severity"], f["id"], f["file"].removeprefix(f"{folder}/"), f["line"], f["column"], f["text"].replace(f"{folder}/", ""))
            for f in report["findings"]]


def line_of(folder, text, name="policy.yaml"):
    (line,) = [i for i, line in enumerate((folder / name).read_text().splitlines(), 1) if text in line]
    return line


def charge(server, name, **fields):
    decision = server.validate(pod({name: 1}, **fields), dry_run=True)
    return decision.audit.get("charge") if decision.allowed else decision.message


# --- What a configuration gives ---


@pytest.mark.parametrize("text, name, charged", [
    (CONFIG, SHARED, "0.25"),
    (CONFIG.replace("replicas: 4", "replicas: 5"), SHARED, "0.2"),
    (CONFIG.replace("renameByDefault: true", "renameByDefault: false"), GPU, "0.25"),
    (CONFIG.replace("    renameByDefault: true\n", ""), GPU, "0.25"),
    (CONFIG.replace("nvidia.com/gpu", "gpu"), SHARED, "0.25"),
    (CONFIG.replace("timeSlicing", "mps"), SHARED, "0.25"),
    (CONFIG.replace("version: v1\n", ""), SHARED, "0.25"),
    (CONFIG.replace("timeSlicing", "timeslicing").replace("sharing", "SHARING"), SHARED, "0.25"),
    (CONFIG.replace("timeSlicing", "MPS").replace("version", "Version"), SHARED, "0.25"),
    *[(CONFIG.replace("renameByDefault: true", f"renameByDefault: {word}"), SHARED, "0.25") for word in ("True", "yes", "on", "Y")],
    *[(CONFIG.replace("renameByDefault: true", f"renameByDefault: {word}"), GPU, "0.25") for word in ("FALSE", "No", "off", "n", "null")],
    *[(CONFIG.replace("replicas: 4", f"replicas: {number}"), SHARED, "0.12") for number in ("010", "0x8", "0b1000", "0o10", "8.0", ".8e1", "+8", "0_8", "08")],
    (CONFIG + "  mps: {resources: [{name: nvidia.com/gpu, replicas: 2}]}\n", GPU, "0.5"),
    ("version: v1\n", GPU, "1"),
    (CONFIG.replace("replicas: 4", "replicas: 1"), GPU, "1"),
    (json.dumps({"version": "v1", "sharing": {"timeSlicing": {"resources": [{"name": GPU, "replicas": 2}]}}}), GPU, "0.5"),
], ids=["time-slicing", "replicas", "not renamed", "not renamed by default", "without prefix", "MPS", "without version", "keys in any case", "MPS in capitals",
        "True", "yes", "on", "Y", "FALSE", "No", "off", "n", "null", "octal", "hexadecimal", "binary", "octal with a letter", "decimal point", "exponent",
        "sign", "underscore", "no octal", "MPS before time-slicing",
        "not shared", "one replica", "JSON"])
def test_sharing_comes_from_the_file(serve, text, name, charged):
    server = serve({"policy.yaml": [shared(), TEAM], "plugin.yaml": text})
    assert charge(server, name) == f"team-a/all={charged}"


def test_a_config_map_holds_several_configurations(serve):
    other = CONFIG.replace("replicas: 4", "replicas: 2")
    files = {"nvidia/plugin.yaml": config_map(any=CONFIG, **{"tesla-t4": other})}
    for name, charged in (("any", "0.25"), ("tesla-t4", "0.5")):
        server = serve({"policy.yaml": [shared(f"nvidia/plugin.yaml#{name}"), TEAM], **files})
        assert charge(server, SHARED) == f"team-a/all={charged}"
    server = serve({"policy.yaml": [shared(), TEAM], "plugin.yaml": config_map(any=CONFIG)})
    assert charge(server, SHARED) == "team-a/all=0.25", "the only one needs no name"


def test_a_container_gets_one_share(serve):
    server = serve({"policy.yaml": [shared(), TEAM], "plugin.yaml": CONFIG})
    assert server.validate(pod({SHARED: 1}), dry_run=True).allowed
    server = serve({"policy.yaml": [shared(maxPerContainer=2), TEAM, doc("Guard", "one", deny=["sharedRequestAboveOne"])], "plugin.yaml": CONFIG})
    assert server.validate(pod({SHARED: 2}), dry_run=True).allowed
    server = serve({"policy.yaml": [shared(), TEAM, doc("Guard", "one", deny=["sharedRequestAboveOne"])], "plugin.yaml": CONFIG})
    assert "more than one nvidia.com/gpu.shared" in server.validate(pod({SHARED: 2}), dry_run=True).message


@pytest.mark.parametrize("name, offered", [
    ("mig.yaml", ["1g.10gb", "2g.20gb", "3g.40gb"]),
    ("mig.yaml#all-1g.10gb", ["1g.10gb"]),
    ("mig.yaml#all-balanced", ["2g.20gb", "3g.40gb"]),
])
@pytest.mark.parametrize("text", [MIG, config_map(**{"config.yaml": MIG}), config_map(**{"config.yaml": MIG, "other": "x\n"}),
                                  config_map(layouts=MIG)], ids=["plain", "ConfigMap", "two keys", "one key"])
def test_profiles_come_from_the_file(serve, name, offered, text):
    """Those of other models are left out. The quota counts what the model offers, nothing else."""
    team = doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "all", "accelerators": ["a100-80gb"], "hard": 1}])
    server = serve({"policy.yaml": [cut(name), team], "mig.yaml": text})
    for profile in ("1g.5gb", "1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb"):
        charged = charge(server, f"nvidia.com/mig-{profile}")
        assert (charged == "team-a/all=1") == (profile in offered), (profile, charged)


def test_the_strategy_comes_from_the_file(serve):
    single = CONFIG.replace("migStrategy: none", "migStrategy: single")
    accelerator = cut(offered=["1g.10gb"])
    accelerator["spec"]["sharing"] = {"devicePluginConfig": "plugin.yaml"}
    server = serve({"policy.yaml": [accelerator, TEAM], "mig.yaml": MIG, "plugin.yaml": single})
    assert charge(server, SHARED) == "team-a/all=0.03"


def test_a_share_of_a_slice(serve):
    accelerator = cut()
    accelerator["spec"]["sharing"] = {"devicePluginConfig": "plugin.yaml"}
    text = CONFIG.replace("name: nvidia.com/gpu", "name: nvidia.com/mig-1g.10gb").replace("migStrategy: none", "migStrategy: mixed")
    server = serve({"policy.yaml": [accelerator, TEAM], "mig.yaml": MIG, "plugin.yaml": text})
    assert charge(server, SLICE + ".shared") == "team-a/all=0.03"
    assert charge(server, GPU) == "team-a/all=1"


# --- Files and folders ---


def test_a_change_of_the_file_is_a_reload(serve):
    server = serve({"policy.yaml": [shared("nvidia/plugin.yaml#any"), TEAM], "nvidia/plugin.yaml": config_map(any=CONFIG)})
    assert charge(server, SHARED) == "team-a/all=0.25"
    write_policy(server.policy, {"nvidia/plugin.yaml": config_map(any=CONFIG.replace("replicas: 4", "replicas: 2"))})
    eventually(lambda: charge(server, SHARED) == "team-a/all=0.5", 5, "the new number of replicas")
    write_policy(server.policy, {"nvidia/plugin.yaml": config_map(any=CONFIG.replace("replicas: 4", "replicas: four"))})
    eventually(lambda: server.log("policy_rejected"), 5, "the refusal of the broken file")
    assert 'plugin.yaml:14:21: error: "replicas" must be a whole number' in server.log("policy_rejected")[-1]["report"]
    assert charge(server, SHARED) == "team-a/all=0.5"
    (server.policy / "nvidia" / "plugin.yaml").unlink()
    eventually(lambda: charge(server, GPU) == "team-a/all=1" and server.log("policy_warnings"), 5, "the policy without the file")
    assert "[config-missing]" in server.log("policy_warnings")[-1]["report"]


def test_the_summary_names_the_files(tmp_path):
    assert lint(tmp_path, shared(), plugin_yaml=CONFIG) == []
    out = run("lint", tmp_path).stdout
    assert out.splitlines()[-1] == f"configuration files that Accelerators name: {tmp_path}/plugin.yaml", out
    report = json.loads(run("lint", "-o", "json", tmp_path).stdout)
    assert (report["configFiles"], report["configFileCount"], report["ignoredFiles"]) == ([f"{tmp_path}/plugin.yaml"], 1, [])
    assert "configuration files" not in run("lint", write_policy(tmp_path / "other", [TEAM])).stdout


def test_a_file_that_no_accelerator_names_is_policy(tmp_path):
    for text, line, column, sentence in (
            (config_map(any=CONFIG), 3, 7, "a policy folder holds only gpugate.io/v1 documents and v1 Namespaces, and this is a v1 ConfigMap; "
             "move it to another folder, or name it in an Accelerator that it configures"),
            (CONFIG, 1, 1, "the document has no apiVersion; a policy folder holds only gpugate.io/v1 documents and v1 Namespaces; move it to "
             "another folder, or name it in an Accelerator that it configures")):
        assert lint(tmp_path, shared("plugim.yaml"), plugin_yaml=text) == [("error", None, "plugin.yaml", line, column, sentence)]


def test_a_missing_file_is_no_error(tmp_path):
    assert lint(tmp_path, shared(resource=SHARED, replicas=4)) == []
    ((severity, lint_id, *_),) = lint(tmp_path, shared(replicas=4))
    assert (severity, lint_id) == ("warning", "config-missing")
    assert run("lint", tmp_path).returncode == 0


def test_paths_stay_in_the_folder(tmp_path):
    write_policy(tmp_path, {"plugin.yaml": CONFIG})
    folder = tmp_path / "policy"
    (finding,) = lint(folder, shared("../plugin.yaml"))
    assert finding[0] == "error" and finding[5] == '"../plugin.yaml" leads out of the policy folder; name a file inside it'
    (folder / "policy.yaml").unlink()
    write_policy(folder, {"models/l4.yaml": [shared("../nvidia/plugin.yaml"), TEAM], "nvidia/plugin.yaml": CONFIG})
    for given in (folder, f"{folder}/"):
        assert json.loads(run("lint", "-o", "json", given).stdout)["findings"] == []
    assert json.loads(run("lint", "-o", "json", ".", cwd=folder).stdout)["configFiles"] == ["./nvidia/plugin.yaml"]
    (folder / "nvidia" / "plugin.yaml").unlink()
    (folder / "nvidia" / "plugin.yaml").symlink_to(tmp_path / "plugin.yaml")
    assert "this symbolic link leads out of the folder of the policy" in run("lint", folder).stdout
    for name in ("/etc/plugin.yaml", "plugin.json", "a//b.yaml", ".hidden/plugin.yaml", "plugin.yaml#", "#any"):
        (finding,) = lint(tmp_path / "form", shared(name))
        assert finding[0] == "error" and f'"{name}" is not the path of a .yaml or .yml file' in finding[5], finding


@pytest.mark.parametrize("given", [
    ["ts"], ["ts/models/l4.yaml", "ts"], ["./ts/models/l4.yaml", "ts"], ["ts", "./ts/models/l4.yaml"], ["./ts/plugin.yaml", "ts"],
    ["./ts/models/l4.yaml", "./ts/plugin.yaml", "ts"],
], ids=" ".join)
def test_a_file_that_is_given_twice_is_found(tmp_path, given):
    write_policy(tmp_path / "ts", {"models/l4.yaml": [shared("../plugin.yaml"), TEAM], "plugin.yaml": CONFIG})
    told = json.loads(run("lint", "-o", "json", *given, cwd=tmp_path).stdout)
    assert (told["findings"], told["configFiles"]) == ([], ["ts/plugin.yaml"])


def test_spellings_of_one_file(tmp_path):
    """Files that are given one by one, and a configuration whose other link sorts first."""
    write_policy(tmp_path, {"policy.yaml": [shared(), TEAM], "plugin.yaml": CONFIG})
    told = json.loads(run("lint", "-o", "json", "./policy.yaml", tmp_path / "plugin.yaml", cwd=tmp_path).stdout)
    assert (told["findings"], told["configFiles"]) == ([], [str(tmp_path / "plugin.yaml")])
    (tmp_path / "a.yaml").symlink_to("plugin.yaml")
    told = json.loads(run("lint", "-o", "json", ".", cwd=tmp_path).stdout)
    assert (told["findings"], told["configFiles"]) == ([], ["./a.yaml"])


def test_policy_is_not_taken_for_a_configuration(tmp_path):
    """A file that is named by mistake cannot make its documents vanish."""
    (finding,) = lint(tmp_path, shared("policy.yaml"))
    assert finding[0] == "error" and '"policy.yaml" is a file of policy; name a file with a configuration only' == finding[5]
    (finding,) = lint(tmp_path, shared("other.yaml"), other_yaml=[doc("Guard", "g", deny=["privileged"])])
    assert (finding[0], finding[2], finding[3]) == ("error", "other.yaml", 2)
    assert finding[5] == "this is neither a configuration nor a ConfigMap; name another file in the Accelerator"
    (finding, _) = lint(tmp_path, shared("other.yaml"), other_yaml=[
        doc("Accelerator", "b", resource="nvidia.com/b", memory="1Gi", sharing={"devicePluginConfig": "policy.yaml"})])
    assert "is a file of policy" in finding[5]


# --- Contradictions ---


@pytest.mark.parametrize("hand, config, mark, text", [
    ({"resource": GPU, "replicas": 4}, CONFIG, "resource: nvidia.com/gpu",
     'shares are "nvidia.com/gpu" here, but the device plugin calls them "nvidia.com/gpu.shared" (plugin.yaml:7); correct one'),
    ({"resource": SHARED, "replicas": 8}, CONFIG, "replicas:",
     "there are 8 replicas here, but 4 in the device plugin's configuration (plugin.yaml:8); correct one"),
    ({"maxPerContainer": 3}, CONFIG.replace("    resources:", "    failRequestsGreaterThanOne: true\n    resources:"), "maxPerContainer:",
     "a container may have 3 shares here, but the device plugin refuses more than one (plugin.yaml:6); correct one"),
    ({"maxPerContainer": 3}, CONFIG.replace("timeSlicing", "mps"), "maxPerContainer:",
     "a container may have 3 shares here, but the device plugin refuses more than one (plugin.yaml:4); correct one"),
    ({"resource": SHARED, "replicas": 4}, "version: v1\n", "replicas:",
     "the Accelerator is shared here, but the device plugin's configuration (plugin.yaml:1) does not share \"nvidia.com/gpu\"; correct one"),
], ids=["name", "replicas", "several shares", "several shares by MPS", "not shared"])
def test_sharing_that_differs(tmp_path, hand, config, mark, text):
    (finding,) = lint(tmp_path, shared(**hand), plugin_yaml=config)
    # The resource of the Accelerator itself is a line before.
    lines = [i for i, line in enumerate((tmp_path / "policy.yaml").read_text().splitlines(), 1) if mark in line]
    assert (*finding[:4], finding[5]) == ("warning", "config-differs", "policy.yaml", lines[-1], text)
    assert "--allow" in run("lint", "--strict", "--allow", "config-differs", tmp_path).stdout


def test_sharing_that_agrees(tmp_path):
    assert lint(tmp_path, shared(resource=SHARED, replicas=4, maxPerContainer=2), plugin_yaml=CONFIG) == []
    assert lint(tmp_path, shared(maxPerContainer=1), plugin_yaml=CONFIG.replace("timeSlicing", "mps")) == []


def test_what_the_accelerator_says_is_used(serve):
    server = serve({"policy.yaml": [shared(replicas=2), TEAM], "plugin.yaml": CONFIG})
    assert charge(server, SHARED) == "team-a/all=0.5"


def test_profiles_that_differ(tmp_path):
    (first, second) = lint(tmp_path, cut("mig.yaml#all-balanced", offered=["1g.10gb", "2g.20gb"]), mig_yaml=MIG)
    assert second[:4] == ("warning", "config-differs", "policy.yaml", line_of(tmp_path, "- 1g.10gb"))
    assert second[5] == "\"1g.10gb\" is offered here, but mig-parted's configuration (mig.yaml:1) has no such profile; correct one"
    assert first[:4] == ("warning", "config-differs", "policy.yaml", line_of(tmp_path, "offered:"))
    assert first[5] == "\"3g.40gb\" is not offered here, but mig-parted's configuration (mig.yaml:17) has it; correct one"
    assert lint(tmp_path, cut(offered=["1g.10gb", "2g.20gb"]), mig_yaml=MIG) == [], "the fleet need not use every layout of the file"


def test_profiles_that_the_model_lacks(tmp_path):
    text = MIG.replace('{1g.10gb: 7}', '{1g.10gb: 7, 1g.5gb: 7}')
    (finding,) = lint(tmp_path, cut("mig.yaml#all-1g.10gb"), mig_yaml=text)
    assert finding == ("warning", "config-differs", "mig.yaml", 8, 31, 'the model has no MIG profile "1g.5gb", but the Accelerator '
                       f"(policy.yaml:{line_of(tmp_path, 'offeredFrom')}) names this configuration; correct one")
    (finding,) = lint(tmp_path, cut("mig.yaml#all-disabled"), mig_yaml=MIG)
    assert finding[0] == "error"
    assert finding[5] == 'the configuration (mig.yaml:1) has no profile of the model; name another one, or write "offered"'


def test_a_strategy_that_differs(tmp_path):
    accelerator = cut()
    accelerator["spec"]["sharing"] = {"devicePluginConfig": "plugin.yaml"}
    (finding,) = lint(tmp_path, accelerator, mig_yaml=MIG, plugin_yaml=CONFIG)
    assert (finding[1], finding[2]) == ("config-differs", "policy.yaml")
    assert finding[5] == "the MIG strategy is \"mixed\" here, but \"none\" in the device plugin's configuration (plugin.yaml:2); correct one"


# --- Mistakes in the configurations ---


@pytest.mark.parametrize("text, line, column, sentence", [
    ("version: v2\n", 1, 10, '"version" cannot be "v2"; use v1'),
    (CONFIG.replace("replicas: 4", "replicas: 0"), 8, 17, '"replicas" must be 1 to 65536, found 0'),
    (CONFIG.replace("      replicas: 4\n", ""), 7, 7, 'a shared resource needs the key "replicas"'),
    (CONFIG.replace("renameByDefault: true", "renameByDefault: oN"), 5, 22, '"renameByDefault" must be true or false, found "oN"; write true'),
    (CONFIG.replace("replicas: 4", "replicas: 4.5"), 8, 17, '"replicas" must be a whole number, found "4.5"'),
    (CONFIG.replace("replicas: 4", "replicas: 0x"), 8, 17, '"replicas" must be a whole number, found "0x"'),
    (CONFIG.replace("migStrategy: none", "migStrategy: both"), 2, 22, '"migStrategy" cannot be "both"; use mixed, single or none'),
    ("version: v1\nsharing: [timeSlicing]\n", 2, 10, '"sharing": expected a map of timeSlicing and mps, found a list'),
    ("version: v1\nsharing:\n  timeSlicing: {}\n", 3, 3, 'a way of sharing needs the key "resources"'),
    ("version: v1\n sharing: {}\n", 2, 9, "a colon cannot stand here; quote the text that holds it, or check the indentation"),
    ("- a\n", 1, 1, "a configuration must be a map, found a list"),
    ("", 1, 1, "no configuration is here; write it, or do not name it in the Accelerator"),
    (CONFIG + "---\na: b\n", 10, 1, "a file with a configuration has one document; move this one to another file"),
])
def test_a_broken_configuration(tmp_path, text, line, column, sentence):
    assert lint(tmp_path, shared(), plugin_yaml=text) == [("error", None, "plugin.yaml", line, column, sentence)]
    if "---" in text or not text:
        return
    # In a ConfigMap, the same is found further down and to the right.
    (finding,) = lint(tmp_path, shared("plugin.yaml#any"), plugin_yaml=config_map(other="x: [\n", any=text))
    assert (finding[0], finding[3], finding[4], finding[5]) == ("error", line + 8, column + 4, sentence)


@pytest.mark.parametrize("name, text, sentence", [
    ("plugin.yaml", config_map(a=CONFIG, b=CONFIG), 'the ConfigMap has several configurations: a, b; append "#" and the key of one'),
    ("plugin.yaml#tesla", config_map(any=CONFIG, teslo=CONFIG), 'the ConfigMap has no key "tesla"; did you mean "teslo"?'),
    ("plugin.yaml#x", config_map(any=CONFIG, other=CONFIG), 'the ConfigMap has no key "x"; it has any, other'),
    ("plugin.yaml#any", CONFIG, 'the file is not a ConfigMap, so nothing in it is named; remove "#any"'),
    ("plugin.yaml", "kind: ConfigMap\n", 'this ConfigMap has no configuration; write one below "data"'),
    ("plugin.yaml", 'kind: ConfigMap\ndata: {any: "version: v1"}\n',
     'the configuration must be a block of text; write "any: |" and the lines below it'),
    ("plugin.yaml", "kind: ConfigMap\ndata:\n  any: >\n    version: v1\n",
     'the configuration must be a block of text; write "any: |" and the lines below it'),
])
def test_a_broken_config_map(tmp_path, name, text, sentence):
    (finding,) = lint(tmp_path, shared(name), plugin_yaml=text)
    assert (finding[0], finding[5]) == ("error", sentence)


@pytest.mark.parametrize("name, text, line, sentence", [
    ("mig.yaml", "mig-configs: {}\n", 1, 'a configuration of mig-parted needs the key "version"'),
    ("mig.yaml", "version: v1\n", 1, 'a configuration of mig-parted needs the key "mig-configs"'),
    ("mig.yaml", "version: v1\nmig-configs: []\n", 2, '"mig-configs": expected a map of named layouts, found a list'),
    ("mig.yaml", MIG.replace("1g.10gb: 7", "1G: 7"), 8, '"1G" is not a MIG profile such as 1g.10gb or 1g.10gb+me'),
    ("mig.yaml", MIG.replace("{1g.10gb: 7}", "[1g.10gb]"), 8,
     '"mig-devices": expected a map of profiles, such as 1g.10gb: 7, found a list'),
    ("mig.yaml", MIG.replace(", mig-enabled: false", ""), 4, 'an entry of a MIG configuration needs the key "mig-enabled"'),
    ("mig.yaml", "version: v1\nmig-configs: {all: 7}\n", 2, '"all": expected a list of devices, found the number 7'),
    ("mig.yaml", "version: v1\nmig-configs: {all: [7]}\n", 2,
     "an entry of a MIG configuration must be a map of devices, mig-enabled and mig-devices, found the number 7"),
    ("mig.yaml#all-balance", MIG, None, 'the file has no configuration "all-balance"; did you mean "all-balanced"?'),
])
def test_a_broken_layout(tmp_path, name, text, line, sentence):
    (finding,) = lint(tmp_path, cut(name), mig_yaml=text)
    assert (finding[0], finding[5]) == ("error", sentence)
    assert (finding[2], finding[3]) == (("mig.yaml", line) if line else ("policy.yaml", line_of(tmp_path, "offeredFrom")))


def test_other_keys_are_ignored(tmp_path):
    text = CONFIG + "imex: {required: false}\nresources: {gpus: [{pattern: A100, name: gpu}]}\nwhatever: [1]\n"
    assert lint(tmp_path, shared(), plugin_yaml=text) == []
    for wrong, right in (("renameByDefault", "renameByDefualt"), ("timeSlicing", "timeSlicng"), ("sharing", "sharng"),
                         ("renameByDefault", "renamebydefault"), ("replicas", "Replicas")):
        found = lint(tmp_path, shared(resource=SHARED, replicas=4), plugin_yaml=CONFIG.replace(wrong, right))
        assert [f[5] for f in found if f[1] == "config-key-ignored"] == [
            f'the device plugin ignores the key "{right}"; did you mean "{wrong}"?']


def test_the_device_plugin_ignores_rename(tmp_path):
    renamed = CONFIG.replace("      replicas", "      rename: NAME\n      replicas")
    (finding,) = lint(tmp_path, shared(), plugin_yaml=renamed.replace("NAME", "nvidia.com/quarter"))
    assert finding == ("warning", "config-key-ignored", "plugin.yaml", 8, 15,
                       'the device plugin ignores "rename" and calls the shares "nvidia.com/gpu.shared"; remove it')
    assert lint(tmp_path, shared(), plugin_yaml=renamed.replace("NAME", "gpu.shared")) == []


def test_both_keys_may_be_left_out_only_with_a_file(tmp_path):
    accelerator = shared()
    accelerator["spec"]["sharing"] = {"maxPerContainer": 1}
    assert [f[5] for f in lint(tmp_path, accelerator)] == ['sharing needs the key "replicas"', 'sharing needs the key "resource"']


def models(count, name):
    return [doc("Accelerator", f"m{i}", resource=GPU, memory="1Gi", nodeLabels={"nvidia.com/gpu.product": f"m{i}"},
                sharing={"devicePluginConfig": name.format(i)}) for i in range(count)]


def test_many_accelerators_name_one_configuration(tmp_path):
    """It is read once, and what is wrong with it is said once."""
    large = CONFIG + "#" + "x" * 1000000
    write_policy(tmp_path, {"policy.yaml": [*models(300, "plugin.yaml"), TEAM], "plugin.yaml": large.replace("flags", "flgas")})
    assert run("lint", tmp_path).stdout.count("config-key-ignored") == 1
    write_policy(tmp_path, {"plugin.yaml": large.replace("replicas: 4", "replicas: x")})
    assert run("lint", tmp_path).stdout.count("error:") == 1


def test_the_bytes_that_are_read_are_bounded(tmp_path):
    configs = config_map(**{f"k{i}": "version: v1\n" for i in range(100)}) + "#" + "x" * 1000000
    write_policy(tmp_path, {"policy.yaml": [*models(100, "plugin.yaml#k{}"), TEAM], "plugin.yaml": configs})
    out = run("lint", tmp_path).stdout
    assert "the configurations that Accelerators name are larger than 64 MiB together; split them into smaller files" in out
    assert "no errors" not in out and out.count("error:") == 1
