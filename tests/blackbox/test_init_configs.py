"""`gpugate init` reads the configurations of NVIDIA's device plugin and of mig-parted, as files and
in ConfigMaps: what nodes do not say about shares and slices."""

import json

import pytest
import yaml

from fleets import PRODUCT, created, listed, node, running
from gpugate import run
from test_init import GPU, from_cluster, policy_of
from unreliable_api_server import UnreliableApiServer

T4 = {PRODUCT: "Tesla-T4"}
PLUGIN, LAYOUT = "nvidia.com/device-plugin.config", "nvidia.com/mig.config"
SHARED = "nvidia.com/gpu.shared"


def plugin(replicas=4, name="nvidia.com/gpu", rename=False, fail=None, way="timeSlicing", **more):
    how = {"renameByDefault": rename, "resources": [{"name": name, "replicas": replicas}]}
    if fail is not None:
        how["failRequestsGreaterThanOne"] = fail
    return yaml.safe_dump({"version": "v1", "sharing": {way: how}, **more})


def parted(**layouts):
    return yaml.safe_dump({"version": "v1", "mig-configs": {
        name.replace("_", "-"): [{"devices": "all", "mig-enabled": bool(profiles), "mig-devices": profiles}] for name, profiles in layouts.items()}})


def config_map(data, name="device-plugin", namespace="gpu-operator"):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def bare(name, capacity=None, **labels):
    """A node without feature discovery: nothing says how its devices are shared."""
    obj = node("bare", name)
    obj["metadata"]["labels"].update(labels)
    obj["status"]["capacity"].update(capacity or {})
    return obj


class Made:
    """The policy that is made of objects and of other files."""

    def __init__(self, folder, objects, *texts, status=0):
        (folder / "objects.json").write_text(json.dumps(listed(objects)))
        files = [folder / "objects.json"]
        for i, text in enumerate(texts):
            files.append(folder / f"config-{i}.yaml")
            files[-1].write_text(text)
        self.policy = folder / "policy"
        self.done = run("init", *files, "--out", self.policy)
        assert self.done.returncode == status, self.done
        if status:
            return
        self.accelerators = {name: spec for (kind, name), spec in policy_of(self.policy).items() if kind == "Accelerator"}
        self.comments = " ".join(line.strip()[2:] for path in sorted(self.policy.glob("*.yaml")) for line in path.read_text().splitlines()
                                 if line.strip().startswith("# "))
        lint = run("lint", "--strict", self.policy)
        assert lint.returncode == 0, lint.stdout


@pytest.fixture
def make(tmp_path):
    return lambda *args, **kwargs: Made(tmp_path, *args, **kwargs)


# --- Sharing ---

@pytest.mark.parametrize("config, expected", [
    (plugin(), {"resource": GPU, "replicas": 4}),
    (plugin(8, name="gpu", rename=True), {"resource": SHARED, "replicas": 8}),
    (plugin(10, way="mps"), {"resource": GPU, "replicas": 10}),
    (json.dumps(yaml.safe_load(plugin(3))), {"resource": GPU, "replicas": 3}),
    (plugin(1), None),
    (plugin(name="nvidia.com/other"), None),
    ("version: v1\nflags: {migStrategy: none}\n", None),
    ("a: b\nsharing: {users: [a]}\n", None),
])
def test_the_only_configuration_is_a_guess(make, config, expected):
    made = make([bare("a", **T4)], config)
    assert made.accelerators["tesla-t4"].get("sharing") == expected
    assert ("A guess: from the only configuration of the device plugin that was read" in made.comments) == bool(expected)


@pytest.mark.parametrize("before, after, expected", [
    ("sharing:", "Sharing:", SHARED), ("timeSlicing:", "TIMESLICING:", SHARED), ("replicas: 4", "replicas: 0x4", SHARED), ("replicas: 4", "replicas: 4.0", SHARED),
    ("renameByDefault: true", "renameByDefault: yes", SHARED), ("renameByDefault: true", "renameByDefault: OFF", GPU),
    ("renameByDefault: true", "renamebydefault: true", GPU)])
def test_forms_that_the_device_plugin_reads(make, before, after, expected):
    config = plugin(rename=True)
    assert before in config
    assert make([bare("a", **T4)], config.replace(before, after)).accelerators["tesla-t4"]["sharing"] == {"resource": expected, "replicas": 4}


@pytest.mark.parametrize("config, refuses", [(plugin(), False), (plugin(fail=True), True), (plugin(way="mps"), True), (plugin(way="mps", fail=False), False)])
def test_several_shares_of_a_container(make, config, refuses):
    comments = make([bare("a", **T4)], config).comments
    assert ("The device plugin refuses a container with several shares" in comments) == refuses
    assert ("The device plugin gives a container several shares" in comments) != refuses


@pytest.mark.parametrize("config", [plugin(), plugin(fail=True)])
@pytest.mark.parametrize("most", [None, 3])
def test_what_the_comments_say_of_several_shares(make, tmp_path, config, most):
    """The policy lets a container have as many as they say, once it is enforced."""
    made = make([bare("a", **T4)], config)
    assert "sharedRequestAboveOne in guards.yaml" in made.comments
    settings, accelerators = made.policy / "settings.yaml", made.policy / "accelerators.yaml"
    settings.write_text(settings.read_text().replace("enforcement: audit", "enforcement: deny").replace("untenanted: deny", "untenanted: allow"))
    if most:
        accelerators.write_text(accelerators.read_text().replace("replicas: 4}", f"replicas: 4, maxPerContainer: {most}}}"))
    for count in (1, 2, 3, 4):
        (tmp_path / "pod.json").write_text(json.dumps(running("a", f"p{count}", {GPU: str(count)})))
        out = run("explain", "--policy", made.policy, "-f", tmp_path / "pod.json").stdout
        assert ("so requesting more gains nothing" in out) == (count > (most or 1)), out


LARGE = "#" + "x" * (1 << 20) + "\n"


def test_what_is_too_large_is_named(make, tmp_path):
    """A text of more than 1 MiB is not read, and may be what the nodes use."""
    maps = config_map({"big": LARGE + plugin(), "notes": LARGE, "any": plugin()}, name="device-plugin")
    made = make([bare("a", **T4, **{PLUGIN: "big"}), maps])
    comments = made.comments
    assert "Not read, since it is larger than 1 MiB: ConfigMap gpu-operator/device-plugin, key big. It may be a configuration of" in comments
    assert "key notes" not in comments and "sharing" not in made.accelerators["tesla-t4"]
    (tmp_path / "more").mkdir()
    other = Made(tmp_path / "more", [bare("a", **T4)], plugin() + "notes: " + LARGE[1:])
    assert f"Not read, since it is larger than 1 MiB: {tmp_path}/more/config-0.yaml. It may be" in other.comments
    (tmp_path / "many").mkdir()
    many = Made(tmp_path / "many", [bare("a", **T4), config_map({f"k{i}": LARGE + plugin() for i in range(11)})])
    assert many.comments.count("Not read, since it is larger than 1 MiB") == 8
    assert "3 more such texts are larger than 1 MiB and were not read." in many.comments


def test_a_configuration_of_the_largest_size(make):
    text = plugin()
    made = make([bare("a", **T4), config_map({"any": "#" + "x" * ((1 << 20) - len(text) - 2) + "\n" + text})])
    assert made.accelerators["tesla-t4"]["sharing"]["replicas"] == 4 and "larger than" not in made.comments

def test_the_label_of_the_nodes_chooses(make):
    made = make([bare("a", **T4, **{PLUGIN: "small"}), bare("b", **{PRODUCT: "NVIDIA-L4", PLUGIN: "none"}), bare("c", **{PRODUCT: "NVIDIA-A10", PLUGIN: "large"}),
                 config_map({"small": plugin(4), "large": plugin(2, rename=True), "none": "version: v1\n"})])
    assert [made.accelerators[name].get("sharing") for name in ("tesla-t4", "nvidia-l4", "nvidia-a10")] == [
        {"resource": GPU, "replicas": 4}, None, {"resource": SHARED, "replicas": 2}]
    assert "(ConfigMap gpu-operator/device-plugin, key small) that the label nvidia.com/device-plugin.config of the nodes names." in made.comments
    assert "guess: from the only configuration" not in made.comments


@pytest.mark.parametrize("objects, texts", [
    # One of several, and no label; two files; nodes of one product that choose differently.
    ([bare("a", **T4), config_map({"any": "version: v1\n", "t4": plugin()})], []),
    ([bare("a", **T4)], [plugin(4), plugin(8)]),
    ([bare("a", **T4, **{PLUGIN: "x"}), bare("b", **T4, **{PLUGIN: "y"}), config_map({"x": plugin(4), "y": plugin(8)})], []),
    ([bare("a", **T4, **{PLUGIN: "x"}), bare("b", **T4), config_map({"x": plugin(4)})], []),
    # Feature discovery says that nothing is shared.
    ([bare("a", **T4, **{"nvidia.com/gpu.replicas": "1"})], [plugin(4)]),
])
def test_nothing_is_guessed(make, objects, texts):
    made = make(objects, *texts)
    assert "sharing" not in made.accelerators["tesla-t4"] and "Not used: the configuration of the device plugin (" in made.comments


@pytest.mark.parametrize("label, first, second, texts", [
    (PLUGIN, {PLUGIN: "x"}, {PLUGIN: "y"}, [config_map({"x": plugin(4), "y": plugin(8)})]),
    (PLUGIN, {PLUGIN: "x"}, {}, [config_map({"x": plugin(4), "y": plugin(8)})]),
    (LAYOUT, {LAYOUT: "one"}, {LAYOUT: "two"}, [config_map({"config.yaml": parted(one={"1g.10gb": 7}, two={"3g.40gb": 2})})]),
])
def test_nodes_of_one_product_that_choose_differently(make, label, first, second, texts):
    made = make([bare("a", **A100, **first), bare("b", **A100, **second), *texts])
    assert f"These nodes choose several configurations by the label {label}, or only some choose one, so none is used here. Label them apart" in made.comments
    assert not {"mig", "sharing"} & set(made.accelerators["nvidia-a100-sxm4-80gb"])
    assert f"although nodes name it by the label {label}. Check that" in made.comments
    assert "key x). No nodes that share" not in made.comments and "No nodes that cut" not in made.comments


def test_nodes_that_choose_alike_or_say_themselves(make):
    made = make([bare("a", **T4, **{PLUGIN: "x"}), bare("b", **T4, **{PLUGIN: "x"}), bare("c", **{PRODUCT: "NVIDIA-L4", PLUGIN: "x", "nvidia.com/gpu.replicas": "1"}),
                 bare("d", **{PRODUCT: "NVIDIA-L4", PLUGIN: "y", "nvidia.com/gpu.replicas": "1"}), config_map({"x": plugin(4), "y": plugin(8)})])
    assert "choose several configurations" not in made.comments


# --- What nodes name and nobody has read ---

@pytest.mark.parametrize("label, labels, data", [
    (PLUGIN, {PLUGIN: "t5"}, {"t4": plugin(4)}),
    (LAYOUT, {LAYOUT: "three"}, {"config.yaml": parted(one={"1g.10gb": 7})}),
])
def test_a_configuration_that_was_not_read(make, label, labels, data):
    made = make([bare("a", **A100, **labels), bare("b", **A100, **labels), config_map(data)])
    says = f"node a names the configuration {labels[label]} by the label {label}, which was not read"
    assert made.comments.count(says) == 1 and "The node b names" not in made.comments
    assert made.done.stderr.count(f"gpugate init: the {says}; give the ConfigMap that has it, or correct the label\n") == 1


def test_several_configurations_that_were_not_read(make):
    made = make([bare("a", **T4, **{PLUGIN: "x", LAYOUT: "y"}), config_map({"t4": plugin(4), "config.yaml": parted(one={"1g.10gb": 7})})])
    assert "The node a names the configuration x by" in made.comments and "The node a names the configuration y by" in made.comments
    assert made.done.stderr.count("which was not read") == 1 and "; accelerators.yaml lists 2 such configurations\n" in made.done.stderr


@pytest.mark.parametrize("objects, texts", [
    # A key whose text shares nothing; one that is not valid; no configuration at all; a file, which
    # may have any key; a layout that cuts nothing.
    ([bare("a", **T4, **{PLUGIN: "none"}), config_map({"none": "version: v1\n", "t4": plugin(4)})], []),
    ([bare("a", **T4, **{PLUGIN: "none"}), config_map({"none": "version: v1\n"}, name="other"), config_map({"t4": plugin(4)})], []),
    ([bare("a", **T4, **{PLUGIN: "bad"}), config_map({"bad": plugin(0), "t4": plugin(4)})], []),
    ([bare("a", **T4, **{PLUGIN: "x", LAYOUT: "y"})], []),
    ([bare("a", **T4, **{PLUGIN: "x"})], [plugin(4)]),
    ([bare("a", **T4, **{LAYOUT: "all-disabled"})], [parted(all_disabled={}, one={"1g.10gb": 7})]),
])
def test_a_configuration_that_may_be_there(make, objects, texts):
    made = make(objects, *texts)
    assert "which was not read" not in made.comments + made.done.stderr


def test_nodes_come_first(make):
    made = make([node("l4-renamed"), node("t4-shared")], plugin(8, rename=True))
    assert [spec["sharing"]["replicas"] for spec in made.accelerators.values()] == [4, 4] and "Not used" in made.comments


def test_what_nodes_leave_open(make):
    made = make([bare("a", {GPU: "0", SHARED: "8"}, **T4)], plugin(8, rename=True))
    assert made.accelerators["tesla-t4"]["sharing"] == {"resource": SHARED, "replicas": 8}
    assert "nothing says how many a device has" not in made.comments


def test_nodes_agree(make):
    made = make([node("l4-renamed")], plugin(4, rename=True, fail=True))
    assert "From the labels of the nodes, with which the configuration of the device plugin agrees" in made.comments


# --- Slices ---

A100 = {PRODUCT: "NVIDIA-A100-SXM4-80GB", "nvidia.com/gpu.memory": "81920"}


def test_the_layout_that_the_label_names(make):
    made = make([bare("a", **A100, **{LAYOUT: "all-1g"}), bare("b", **{PRODUCT: "NVIDIA-H100-80GB-HBM3", "nvidia.com/gpu.memory": "81559", LAYOUT: "all-disabled"})],
                parted(all_disabled={}, all_1g={"1g.10gb": 4, "1g.10gb+me": 1}, all_3g={"3g.40gb": 2}))
    assert made.accelerators["nvidia-a100-sxm4-80gb"]["mig"] == {"model": "a100-80gb", "offered": ["1g.10gb", "1g.10gb+me"], "strategy": "mixed"}
    assert "mig" not in made.accelerators["nvidia-h100-80gb-hbm3"]
    assert "the layout all-1g of mig-parted (" in made.comments and "which the label nvidia.com/mig.config of the nodes names" in made.comments


def test_the_only_layout_is_a_guess(make):
    made = make([node("a100-mig"), bare("b", **T4)], parted(all_disabled={}, cut={"2g.20gb": 3, "1g.5gb": 1}))
    assert made.accelerators["nvidia-a100-sxm4-80gb"]["mig"]["offered"] == ["1g.10gb", "3g.40gb", "2g.20gb"]
    assert "A guess: what nodes advertise now, and the only layout of mig-parted that was read, cut (" in made.comments
    assert "mig" not in made.accelerators["tesla-t4"]


@pytest.mark.parametrize("labels, text", [
    ({}, parted(one={"1g.10gb": 7}, two={"3g.40gb": 2})), ({LAYOUT: "three"}, parted(one={"1g.10gb": 7})), ({}, parted(one={"1g.24gb": 4})),
    ({}, parted(one={}))])
def test_no_layout_is_guessed(make, labels, text):
    made = make([bare("a", **A100, **labels)], text)
    assert "mig" not in made.accelerators["nvidia-a100-sxm4-80gb"] and "Not used: the configuration of mig-parted (" in made.comments


def test_slices_that_are_shared(make):
    """The layout and the sharing of its slices, together."""
    made = make([bare("a", **A100, **{LAYOUT: "one"})], parted(one={"1g.10gb": 7}), plugin(2, name="nvidia.com/mig-1g.10gb", rename=True))
    spec = made.accelerators["nvidia-a100-sxm4-80gb"]
    assert spec["mig"]["offered"] == ["1g.10gb"] and spec["sharing"] == {"resource": "nvidia.com/mig-1g.10gb.shared", "replicas": 2}


# --- Configurations in the folder of the policy ---

def config_map_text(key, replicas):
    """A ConfigMap as people write it: its texts are blocks."""
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: device-plugin}\ndata:\n  any: |\n    version: v1\n" + f"  {key}: |\n" + "".join(
        f"    {line}\n" for line in plugin(replicas, rename=True).splitlines())


class Named:
    """A policy that is made beside the configurations in its folder."""

    def __init__(self, folder, objects, **files):
        self.policy = folder / "policy"
        (folder / "objects.json").write_text(json.dumps(listed(objects)))
        paths = []
        for name, text in files.items():
            paths.append(self.policy / (name.replace("__", "/").replace("_", "-") + ".yaml"))
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            paths[-1].write_text(text)
        done = run("init", folder / "objects.json", *paths, "--out", self.policy, "--force")
        assert done.returncode == 0, done
        docs = yaml.safe_load_all((self.policy / "accelerators.yaml").read_text())
        self.accelerators = {doc["metadata"]["name"]: doc["spec"] for doc in docs}
        self.lint = json.loads(run("lint", "--strict", "-o", "json", self.policy).stdout)
        assert self.lint["findings"] == [], self.lint


@pytest.fixture
def name(tmp_path):
    return lambda *args, **files: Named(tmp_path, *args, **files)


def test_files_are_named(name):
    made = name([bare("a", **T4), bare("b", **A100, **{LAYOUT: "one"})], nvidia__plugin=plugin(4), mig_parted=parted(one={"1g.10gb": 7}, two={"3g.40gb": 2}))
    assert made.accelerators["tesla-t4"]["sharing"] == {"devicePluginConfig": "nvidia/plugin.yaml"}
    spec = made.accelerators["nvidia-a100-sxm4-80gb"]
    assert spec["mig"] == {"model": "a100-80gb", "offeredFrom": "mig-parted.yaml#one", "strategy": "mixed"}
    assert spec["sharing"] == {"devicePluginConfig": "nvidia/plugin.yaml"}
    assert [path.split("/policy/")[1] for path in made.lint["configFiles"]] == ["mig-parted.yaml", "nvidia/plugin.yaml"]


def test_accelerators_name_different_files(name):
    made = name([bare("a", **T4, **{PLUGIN: "t4"}), bare("b", **{PRODUCT: "NVIDIA-L4", PLUGIN: "l4"})], one=config_map_text("t4", 4), two=config_map_text("l4", 3))
    assert [made.accelerators[key]["sharing"] for key in ("tesla-t4", "nvidia-l4")] == [{"devicePluginConfig": "one.yaml#t4"}, {"devicePluginConfig": "two.yaml#l4"}]


def test_each_accelerator_names_a_file_of_another_kind(name):
    made = name([bare("a", **{PRODUCT: "Tesla-T4", PLUGIN: "t4"}), bare("b", **A100, **{LAYOUT: "one"})], plugin=config_map_text("t4", 4), parted=parted(one={"1g.10gb": 7}))
    assert made.accelerators["tesla-t4"]["sharing"] == {"devicePluginConfig": "plugin.yaml#t4"}
    assert made.accelerators["nvidia-a100-sxm4-80gb"]["mig"]["offeredFrom"] == "parted.yaml#one"
    assert "sharing" not in made.accelerators["nvidia-a100-sxm4-80gb"]


def test_a_key_of_a_config_map_is_named(name):
    made = name([bare("a", **T4, **{PLUGIN: "t4"})], device_plugin=config_map_text("t4", 4))
    assert made.accelerators["tesla-t4"]["sharing"] == {"devicePluginConfig": "device-plugin.yaml#t4"}


@pytest.mark.parametrize("objects, files, expected", [
    # A ConfigMap whose text is quoted; the second document of a file; a file that is replaced.
    ([bare("a", **T4)], {"one": json.dumps(config_map({"any": plugin(4)}))}, {"resource": GPU, "replicas": 4}),
    ([bare("a", **T4)], {"two": plugin(4) + "---\n" + yaml.safe_dump({"a": 1})}, {"resource": GPU, "replicas": 4}),
    ([bare("a", **T4)], {"guards": plugin(4)}, {"resource": GPU, "replicas": 4}),
])
def test_what_cannot_be_named_is_repeated(tmp_path, objects, files, expected):
    """What Accelerators do not name is not policy either, so lint is asked without it."""
    policy = tmp_path / "policy"
    policy.mkdir()
    (tmp_path / "objects.json").write_text(json.dumps(listed(objects)))
    for file, text in files.items():
        (policy / f"{file}.yaml").write_text(text)
    done = run("init", tmp_path / "objects.json", *policy.iterdir(), "--out", policy, "--force")
    assert done.returncode == 0, done
    assert yaml.safe_load((policy / "accelerators.yaml").read_text())["spec"]["sharing"] == expected
    for file in files:
        if file != "guards":
            (policy / f"{file}.yaml").unlink()
    assert run("lint", "--strict", policy).returncode == 0


def test_a_file_that_is_not_named_is_to_be_moved(tmp_path):
    """Nodes have slices that the layout does not say, so that it is not all that is offered."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "objects.json").write_text(json.dumps(listed([node("a100-mig")])))
    (tmp_path / "policy/layout.yaml").write_text(parted(cut={"2g.20gb": 3}))
    run("init", tmp_path / "objects.json", tmp_path / "policy/layout.yaml", "--out", tmp_path / "policy", "--force")
    text = (tmp_path / "policy/accelerators.yaml").read_text()
    assert yaml.safe_load(text)["spec"]["mig"]["offered"] == ["1g.10gb", "3g.40gb", "2g.20gb"]
    assert "# Move the file of this configuration out of the folder of the policy" in text
    assert run("lint", tmp_path / "policy").returncode == 1
    (tmp_path / "policy/layout.yaml").unlink()
    assert run("lint", "--strict", tmp_path / "policy").returncode == 0


# --- What is read ---

def test_mistakes(make, tmp_path):
    made = make([bare("a", **T4), config_map({"any": plugin().replace("4", "four"), "b": plugin(0), "script": "sharing is caring\n\t- x: ["})])
    assert "sharing" not in made.accelerators["tesla-t4"]
    assert ('2 configurations of NVIDIA\'s device plugin or of mig-parted in ConfigMaps could not be read. The first is in ConfigMap '
            'gpu-operator/device-plugin, key any, line 6: "replicas" must be a whole number, found "four"') in made.comments
    (tmp_path / "more").mkdir()
    done = Made(tmp_path / "more", [bare("a", **T4)], "version: v2\n" + plugin().replace("version: v1\n", ""), status=2).done
    assert f"{tmp_path}/more/config-0.yaml:1: \"version\" cannot be \"v2\"; use v1" in done.stderr, done
    assert not (tmp_path / "more/policy").exists()


@pytest.mark.parametrize("text, line", [
    ("version: v1\nsharing:\n  timeSlicing:\n    renameByDefault: true\n    resources:\n    - name: nvidia.com/gpu\n      replicas: zero\n", 7),
    ("# First.\na: b\n---\nversion: v1\nsharing:\n  mps:\n    resources: [{name: \"é\", replicas: 4}]\n", 7),
    ("version: v1\nmig-configs:\n  one:\n  - devices: all\n    mig-enabled: 5\n", 5),
    ('{"version": "v1",\n "sharing": {"timeSlicing":\n {"resources": [{"name": "nvidia.com/gpu", "replicas": 0}]}}}', 3),
])
def test_a_mistake_has_its_line(make, text, line):
    done = make([bare("a", **T4)], text, status=2).done
    assert f"/config-0.yaml:{line}: " in done.stderr and "byte" not in done.stderr, done


def test_configurations_alone_are_no_cluster(make):
    assert "there is no Node, ResourceQuota, or Pod in it" in make([], plugin(), status=2).done.stderr
    assert "there is no Node, ResourceQuota, or Pod in it" in make([config_map({"any": plugin()})], status=2).done.stderr


def test_names_that_are_hostile(make):
    made = make([bare("a", **T4), config_map({"x\n---\nkind: Tenant": plugin()}), config_map({"any": plugin(5)}, name="a\n---\n"), config_map({"any": plugin(6)}, name="good")])
    assert made.accelerators["tesla-t4"]["sharing"]["replicas"] == 6


def test_many_configurations(make):
    made = make([bare("a", **T4, **{PLUGIN: "k7"}), config_map({f"k{i}": plugin(i + 2) for i in range(70)})])
    assert made.accelerators["tesla-t4"]["sharing"]["replicas"] == 9
    assert "64 configurations of NVIDIA's device plugin and of mig-parted were read; others were left out." in made.comments


@pytest.mark.parametrize("valid, wrong, left", [(64, 0, False), (65, 0, True), (0, 64, False), (1, 64, False), (1, 65, True), (64, 64, False)])
def test_what_is_left_out(make, valid, wrong, left):
    """As many as are kept is not too many; texts that are no configuration count for nothing."""
    data = {f"a{i}": plugin(i + 2) for i in range(valid)} | {f"b{i}": plugin(0) for i in range(wrong)} | {"c": "sharing: is caring", "d": "a: b"}
    made = make([bare("a", **T4), config_map(data)])
    assert (f"{min(valid, 64)} configurations of NVIDIA's device plugin and of mig-parted were read; others were left out." in made.comments) == left
    assert ("others were left out" in made.comments) == left
    assert (f"{min(wrong, 64)} configurations of NVIDIA's device plugin or of mig-parted in ConfigMaps could not be read." in made.comments) == (wrong > 0)


@pytest.mark.parametrize("extra, exempt", [
    ([config_map({"any": plugin()})], ["gpu-operator"]),
    ([config_map({"any": "version: v1\n"})], []),
    ([config_map({"any": plugin()}, namespace="team-a")], []),
    ([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nvidia-gpu-operator"}}], ["nvidia-gpu-operator"]),
    ([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}], []),
    ([{"apiVersion": "example.com/v1", "kind": "Namespace", "metadata": {"name": "gpu-operator"}}], []),
])
def test_namespaces_of_operators(make, extra, exempt):
    """A tenant can write a ConfigMap, so that alone exempts no namespace of another name."""
    made = make([bare("a", **T4), *extra])
    assert policy_of(made.policy)["Settings", "cluster"]["exempt"]["namespaces"] == ["kube-system", "gpugate", *exempt]


def test_running_pods_are_charged_by_the_shares(make, tmp_path):
    pods = [running("team-a", f"p{i}", {GPU: str(i + 1)}) for i in range(3)]
    made = make([bare("a", **T4), *pods], plugin(4))
    settings = made.policy / "settings.yaml"
    settings.write_text(settings.read_text().replace("enforcement: audit", "enforcement: deny"))
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(listed(created(pods))))
    explained = json.loads(run("explain", "-f", path, "--policy", made.policy, "-o", "json").stdout)
    assert [obj["verdict"] for obj in explained["objects"]] == ["admitted"] * 3


# --- From a cluster ---

def test_config_maps_of_a_cluster(tmp_path):
    api = UnreliableApiServer()
    api.put("nodes", bare("a", **T4))
    api.put("configmaps", config_map({"any": plugin(4)}))
    api.put("configmaps", config_map({"ca.crt": "-----BEGIN CERTIFICATE-----"}, name="kube-root-ca.crt", namespace="a"))
    done = from_cluster(api, tmp_path)
    assert done.returncode == 0 and policy_of(tmp_path / "policy")["Accelerator", "tesla-t4"]["sharing"]["replicas"] == 4, done
    api.forbidden = {"configmaps"}
    done = from_cluster(api, tmp_path, "--force")
    assert done.returncode == 0 and "configmaps are left out, since this user may not list them" in done.stderr, done
    assert "sharing" not in policy_of(tmp_path / "policy")["Accelerator", "tesla-t4"]
    api.close()
