"""What the name of a resource means: which names are accelerators, which only count if a quota
names them, and which are unknown."""

import fnmatch
import re
from fractions import Fraction

import pytest
from hypothesis import given, settings, strategies as st

from gpugate import Server, in_proportion, run, scaled, write_policy
from kube import CONTROLLER, GPU, SHARED, container, doc, persisted, pod

DEVICES = """nvidia.com/gpu nvidia.com/pgpu nvidia.com/GA102GL_A10 nvidia.com/GRID_T4-1Q nvidia.com/NVIDIA_A10-12Q nvidia.com/GH100_H100_SXM5_80GB
    nvidia.com/gpu.shared nvidia.com/gpu-10gb nvidia.com/mig-1g.10gb.shared nvidia.com/mig-1c.3g.20gb amd.com/gpu amd.com/cpx_nps4 gpu.intel.com/i915
    gpu.intel.com/xe npu.intel.com/accel habana.ai/gaudi google.com/tpu cloud-tpus.google.com/v3 aws.amazon.com/neuron aws.amazon.com/neuroncore
    aws.amazon.com/neurondevice k8s.amazonaws.com/vgpu microsoft.com/directx huawei.com/Ascend910 huawei.com/Ascend310P huawei.com/npu huawei.com/npu-core
    huawei.com/ascend-1980 huawei.com/ascend-310 huawei.com/ascend-snt9b cambricon.com/vmlu cambricon.com/mlu370 hygon.com/dcunum hygon.com/hcunum
    metax-tech.com/gpu metax-tech.com/sgpu mthreads.com/vgpu mthreads.com/gpu iluvatar.ai/vgpu iluvatar.ai/BI-V150-vgpu iluvatar.com/gpu
    enflame.com/gcu enflame.com/vgcu enflame.com/drs-gcu enflame.com/shared-gcu enflame.com/gcu-memory kunlunxin.com/xpu kunlunxin.com/vxpu baidu.com/xpu
    baidu.com/v100_32g_cgpu birentech.com/gpu birentech.com/1-2-gpu vastaitech.com/va qualcomm.com/qaic furiosa.ai/rngd beta.furiosa.ai/npu rebellions.ai/ATOM
    tenstorrent.com/n150 c600.graphcore.ai/ipu volcano.sh/vgpu-number volcano.sh/gpu-number volcano.sh/gpu-memory koordinator.sh/gpu koordinator.sh/gpu.shared
    aliyun.com/gpu-mem aliyun.com/gpu-core.percentage aliyun.com/gpu-count alibabacloud.com/ppu tencent.com/vcuda-core tencent.com/vcuda-memory
    tke.cloud.tencent.com/qgpu-core tke.cloud.tencent.com/qgpu-memory elasticgpu.io/gpu-core elasticgpu.io/gpu-memory elasticgpu.com/gpu-core
    nano-gpu/gpu-percent vke.volcengine.com/mgpu-core vke.volcengine.com/mgpu-memory openxpu.com/xpu-shares k8s.kuartis.com/vgpu""".split()
NETWORKS = """nvidia.com/mlnxnics nvidia.com/hostdev nvidia.com/rdma_vf nvidia.com/sriov_rdma nvidia.com/cx7_qsfp nvidia.com/cx6dx_vf nvidia.com/bf2_sf
    nvidia.com/bf3_p0_sf nvidia.com/ib0 nvidia.com/resibp24s0 amd.com/nic amd.com/vnic rdma/hca_shared_devices_a vpc.amazonaws.com/efa
    networking.gke.io.networks/rdma-0 openshift.io/sriovnic""".split()
OTHERS = ["devices.kubevirt.io/kvm", "github.com/fuse", "smarter-devices/fuse", "sgx.intel.com/epc", "qat.intel.com/generic"]
# What Pods of vendors and schedulers request in addition to a device.
COMPANIONS = [
    {GPU: 1, "nvidia.com/gpumem": 7000, "nvidia.com/gpucores": 30}, {GPU: 1, "nvidia.com/gpumem-percentage": 50}, {GPU: 1, "nvidia.com/priority": 1},
    {"hygon.com/dcunum": 1, "hygon.com/dcumem": 2000, "hygon.com/dcucores": 60}, {"hygon.com/hcunum": 1, "hygon.com/hcumem": 2000},
    {"cambricon.com/vmlu": 1, "cambricon.com/mlu.smlu.vmemory": 20, "cambricon.com/mlu.smlu.vcore": 10},
    {"iluvatar.ai/vgpu": 1, "iluvatar.ai/vcuda-core": 50, "iluvatar.ai/vcuda-memory": 64},
    {"iluvatar.ai/MR-V100-vgpu": 1, "iluvatar.ai/MR-V100.vCore": 50, "iluvatar.ai/MR-V100.vMem": 64},
    {"metax-tech.com/sgpu": 1, "metax-tech.com/vcore": 60, "metax-tech.com/vmemory": 4},
    {"mthreads.com/vgpu": 1, "mthreads.com/sgpu-memory": 32, "mthreads.com/sgpu-core": 8},
    {"huawei.com/Ascend910B": 1, "huawei.com/Ascend910B-memory": 16384}, {"huawei.com/Ascend310P": 1, "huawei.com/Ascend310P-memory": 3072},
    {"gpu.intel.com/i915": 1, "gpu.intel.com/millicores": 500, "gpu.intel.com/tiles": 1}, {"gpu.intel.com/i915": 1, "gpu.intel.com/memory.max": "8Gi"},
    {"amd.com/gpu": 1, "amd.com/gpumem": 2048, "amd.com/gpucores": 25}, {"enflame.com/vgcu": 1, "enflame.com/vgcu-percentage": 15},
    {"kunlunxin.com/vxpu": 1, "kunlunxin.com/vxpu-memory": 24576}, {"volcano.sh/vgpu-number": 1, "volcano.sh/vgpu-memory": 1024, "volcano.sh/vgpu-cores": 50},
    {"koordinator.sh/gpu.shared": 1, "koordinator.sh/gpu-core": 50, "koordinator.sh/gpu-memory-ratio": 50}, {"baidu.com/v100_cgpu": 1, "baidu.com/v100_cgpu_memory": 7},
]
MONITORS = ["gpu.intel.com/i915_monitoring", "gpu.intel.com/xe_monitoring", "gpu.intel.com/monitoring"]
BYTES, NIC, MEM = "gpu.intel.com/memory.max", "amd.com/vnic", "nvidia.com/gpumem"
FOO = "example.com/foo"


def team(*quotas, name="team-a", **spec):
    return doc("Tenant", name, namespaces=[name], quotas=list(quotas), **spec)


def quota(name="q", hard=4, **more):
    return {"name": name, "hard": hard, **more}


def cluster(**spec):
    return doc("Settings", "cluster", **spec)


def lint(tmp_path, *docs):
    done = run("lint", write_policy(tmp_path, list(docs)))
    return done.returncode, done.stdout + done.stderr


# --- Roles ---

@pytest.fixture(scope="module")
def budget(serve_module):
    return serve_module([team(quota("gpus", 1, measure="gpus"))])


@pytest.mark.parametrize("name", DEVICES)
def test_accelerators_are_counted_by_their_name_alone(budget, name):
    assert not budget.validate(pod({name: 1000}), dry_run=True).allowed
    decision = budget.validate(pod({name: 1000}, namespace="nobody"))
    assert not decision.allowed and "belongs to no tenant" in decision.message


@pytest.mark.parametrize("name", NETWORKS + OTHERS)
def test_network_and_other_devices_count_nowhere(budget, name):
    for namespace in ("team-a", "nobody"):
        decision = budget.validate(pod({name: 1000}, namespace=namespace))
        assert decision.allowed and not decision.warnings and set(decision.audit) <= {"tenant"}, decision
    assert budget.validate(pod({GPU: 1, name: 8}), dry_run=True).allowed
    assert budget.used("team-a", "gpus", "gpus") == 0


@pytest.mark.parametrize("asks", COMPANIONS, ids=lambda asks: next(iter(asks)))
def test_companions_are_no_devices(budget, serve, asks):
    decision = budget.validate(pod(asks), dry_run=True)
    assert decision.allowed and not decision.warnings, decision
    assert budget.mutate(pod(asks)).allowed
    device = next(iter(asks))
    server = serve([cluster(unknownResources="deny"), team(quota("whole", 1, resources=[device]))])
    assert server.validate(pod(asks)).allowed
    assert server.used("team-a", "whole") == 1
    assert not server.validate(pod(asks)).allowed


def test_a_pod_of_companions_holds_nothing(budget):
    assert budget.validate(pod({MEM: 7000, BYTES: "4Gi", NIC: 8}, namespace="nobody")).allowed


def test_bytes_are_no_number_of_devices(serve):
    """Whatever the policy, 4 GiB of memory must not be refused as more than any cluster has, as it
    once was."""
    for policy in ([team(quota("cards", 4, resources=["gpu.intel.com/i915"]))],
                   [team(quota("cards", 4, resources=["gpu.intel.com/i915"]), quota("rest", "unlimited", resources=["gpu.intel.com/m*"]))],
                   [cluster(uncovered="allow"), team(quota("cards", 4, resources=["gpu.intel.com/i915"]))]):
        server = serve(policy)
        for amount in ("4000000000", "4Gi", "9007199254740993", "7E"):
            asks = {"gpu.intel.com/i915": 1, BYTES: amount}
            assert server.mutate(pod(asks)).allowed and server.validate(pod(asks), dry_run=True).allowed


def test_a_quota_that_names_a_companion_counts_it(serve):
    server = serve([team(quota("gpus", 4, measure="gpus"), quota("memory", "10Gi", resources=[BYTES]), quota("nics", 3, resources=[NIC]))])
    first = persisted(pod({"gpu.intel.com/i915": 1, BYTES: "4Gi"}, init=[container({BYTES: "6Gi"}, "init")]))
    assert server.validate(first).allowed
    assert server.used("team-a", "memory") == 6 << 30 and server.used("team-a", "gpus", "gpus") == 1
    decision = server.validate(pod({BYTES: (4 << 30) + 1}))
    assert not decision.allowed and f"requested {(4 << 30) + 1}, used {6 << 30}, limit 10Gi, over by 1;" in decision.message, decision.message
    assert server.validate(pod({BYTES: 4 << 30}, namespace="nobody")).allowed
    # A Pod that requests nothing else goes to the ledger, too.
    assert server.validate(pod({BYTES: 4 << 30})).allowed
    assert not server.validate(pod({BYTES: 1})).allowed
    server.delete(first)
    assert server.validate(pod({BYTES: 1})).allowed
    assert server.used("team-a", "memory") == (4 << 30) + 1
    assert server.validate(pod({NIC: 3})).allowed and not server.validate(pod({NIC: 1})).allowed
    assert server.validate(pod({"amd.com/nic": 100})).allowed, "another name"


def test_a_parent_counts_its_childrens_companions(serve):
    server = serve([doc("Tenant", "all", quotas=[quota("memory", 100, resources=[MEM])]), team(quota("g", 8), parent="all")])
    assert server.validate(pod({GPU: 1, MEM: 60})).allowed
    assert "exceeded quota: GPU quota \"memory\" of tenant \"all\"" in server.validate(pod({GPU: 1, MEM: 41})).message


def test_an_exact_quota_may_be_a_large_number(serve):
    """Amounts are exact up to 8Pi. A larger request of one Pod counts as that."""
    most = 1 << 53
    server = serve([team(quota("memory", most, resources=[BYTES]))])
    assert server.validate(pod({BYTES: most - 1})).allowed
    assert server.validate(pod({BYTES: 1})).allowed
    assert server.used("team-a", "memory") == most
    assert not server.validate(pod({BYTES: 1})).allowed
    other = serve([team(quota("memory", most - 1, resources=[BYTES]))])
    decision = other.validate(pod(containers=[container({BYTES: "7E"}, f"c{i}") for i in range(40)]))
    assert not decision.allowed and f"requested {most}," in decision.message
    unlimited = serve([team(quota("memory", "unlimited", resources=[BYTES]))])
    for _ in range(3):
        assert unlimited.validate(pod({BYTES: "7E"})).allowed
    assert unlimited.used("team-a", "memory") == 3 * most


def test_more_names_than_the_ledger_takes(serve):
    names = [f"rdma/nic{i}" for i in range(70)]
    server = serve([team(quota("nics", 1000, resources=names))])
    assert server.validate(pod({name: 1 for name in names[:64]})).allowed
    assert server.used("team-a", "nics") == 64
    decision = server.validate(pod({name: 1 for name in names}))
    assert not decision.allowed and "more than 64 different resources" in decision.message


# --- Monitoring: one such resource shows every GPU of a node ---

@pytest.mark.parametrize("name", MONITORS)
def test_monitoring_needs_a_quota_that_names_it(serve, name):
    for q in (quota(), quota(measure="gpus"), quota(resources=["gpu.intel.com/*"]), quota(hard="unlimited")):
        server = serve([team(q)])
        decision = server.validate(pod({name: 1}))
        assert not decision.allowed and f"covers {name}" in decision.message, decision
        assert server.validate(pod({"gpu.intel.com/i915": 1})).allowed
        assert not server.validate(pod({name: 1}, namespace="nobody")).allowed
    server = serve([team(quota(hard=9), quota("watch", 1, resources=[name]))])
    assert server.validate(pod({name: 1})).allowed and not server.validate(pod({name: 1})).allowed
    assert server.used("team-a", "watch") == 1 and server.used("team-a", "q") == 0
    server = serve([cluster(uncovered="warn"), team(quota())])
    decision = server.validate(pod({name: 1}))
    assert decision.allowed and name in decision.warnings[0]


# --- Void mode depends on devices ---

@pytest.mark.parametrize("name", ["nvidia.com/cx7_qsfp", "nvidia.com/mlnxnics", MEM, "amd.com/nic", FOO])
def test_who_asks_for_no_device_is_voided(serve, name):
    server = serve([doc("Accelerator", "h100", resource=GPU, memory="80Gi"), team(quota(hard=8)), doc("Guard", "g", visibleDevices="void")])
    both = pod(containers=[container({name: 1}, "side"), container({GPU: 1, name: 1}, "main")])
    made = server.mutated(both)["spec"]["containers"]
    assert made[0]["env"] == [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]
    assert "env" not in made[1]
    shown = pod(containers=[container({name: 1}, "side", env={"NVIDIA_VISIBLE_DEVICES": "all"}), container({GPU: 1}, "main")])
    decision = server.validate(shown)
    assert not decision.allowed and "NVIDIA_VISIBLE_DEVICES" in decision.message
    assert server.mutated(shown)["spec"]["containers"][0]["env"] == [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]


def test_void_mode_where_gpus_have_a_schedulers_name(serve):
    """The Accelerator does not determine the vendor, so NVIDIA's variable is voided."""
    name = "volcano.sh/vgpu-number"
    server = serve([doc("Accelerator", "v100", resource=name), team(quota(hard=8)), doc("Guard", "g", visibleDevices="void")])
    assert server.mutated(pod({"volcano.sh/vgpu-memory": 1}))["spec"]["containers"][0]["env"] == [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}]
    assert not server.mutate(pod({name: 1})).patch


# --- Unknown names ---

def test_unknown_resources_warn_by_default(serve):
    server = serve([team(quota())])
    decision = server.validate(pod({FOO: 2}))
    assert decision.allowed and len(decision.warnings) == 1
    assert f'resource "{FOO}" is known neither to the GPU policy nor to the built-in catalog' in decision.warnings[0]
    assert server.metrics().value("gpugate_warnings_total", tenant="team-a", reason="unknown-resource", name="") == 1
    assert server.validate(pod({FOO: 2}, namespace="nobody")).allowed
    assert server.validate(pod({GPU: 1, FOO: 2})).allowed and server.used("team-a", "q") == 1
    assert server.mutate(pod({FOO: 2})).warnings == []


MODES = ["deny", "warn", "audit", "allow"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cap", MODES[:3])
@pytest.mark.parametrize("own", ["deny", "audit"])
def test_enforcement_of_unknown_resources(serve, mode, cap, own):
    server = serve([cluster(unknownResources=mode, enforcement=cap), team(quota(), enforcement=own)])
    for namespace, owner in (("team-a", own), ("nobody", "deny")):
        decision = server.validate(pod({FOO: 1}, namespace=namespace))
        level = max(MODES.index(m) for m in (mode, cap, owner))
        assert decision.allowed == (level != 0)
        assert bool(decision.warnings) == (level == 1)
        text = {0: decision.message, 1: "".join(decision.warnings), 2: "".join(decision.audit.values()), 3: ""}[level]
        assert (FOO in text) == (level != 3), decision
    assert "unknown-resource" in server.admin("/metrics").text or level == 3


def test_who_is_silent_about_unknown_resources(serve):
    server = serve([cluster(unknownResources="deny", exempt={"namespaces": ["kube-system", "system-*"]}), team(quota())])
    assert server.validate(pod({FOO: 1}, namespace="system-x")).allowed
    mirror = pod({FOO: 1}, annotations={"kubernetes.io/config.mirror": "abc"}, nodeName="node-1")
    decision = server.validate(mirror, user=("system:node:node-1", ["system:nodes"]))
    assert decision.allowed and not decision.warnings and set(decision.audit) <= {"tenant"}
    for name in ("cpu", "hugepages-2Mi", "attachable-volumes-x", "kubernetes.io/batch-cpu", "a.kubernetes.io/x", "requests.example.com/x"):
        assert server.validate(pod({name: 1})).allowed, name
    assert server.validate(pod({FOO: 0})).allowed
    assert not server.validate(pod({FOO: 1}), user=CONTROLLER).allowed
    assert not server.validate(pod(overhead={FOO: "1"})).allowed
    assert not server.validate(pod(init=[container({FOO: 1}, "init")])).allowed


@pytest.mark.parametrize("wrong,meant", [("nvidia.con/gpu", GPU), ("nvidea.com/gpu", GPU), ("lab.example/acclerator", "lab.example/accelerator"),
                                         ("gpu.intel.co/i915", "gpu.intel.com/i915"), ("nothing.example/like-it", None), ("acme.com/gpu", None),
                                         ("arm.com/gpu", None), ("nvdiia.com/gpu", GPU)])
def test_did_you_mean(serve, wrong, meant):
    server = serve([doc("Accelerator", "lab", resource="lab.example/accelerator"), team(quota())])
    warning = server.validate(pod({wrong: 1})).warnings[0]
    assert (f'did you mean "{meant}"?' in warning) == bool(meant) and ("did you mean" in warning) == bool(meant), warning


def test_one_sentence_about_however_many(serve):
    server = serve([team(quota())])
    names = {f"example.com/r{i}": 1 for i in range(3)}
    assert 'resource "example.com/r0" and 2 more that the Pod requests are known neither' in server.validate(pod(names)).warnings[0]

    def ask(count):
        many = {f"example.com/r{i}": 1 for i in range(count)}
        decision = server.validate(pod(containers=[container(many), container(many, "second")]))
        assert len(decision.warnings) == 1 and "and at least 15 more that the Pod requests" in decision.warnings[0]

    before = server.metrics().total("gpugate_warnings_total")
    ask(20000)
    assert server.metrics().total("gpugate_warnings_total") == before + 1, "one row, whatever names tenants choose"
    in_proportion(server.process.pid, ask, 20000)
    assert "example.com" not in server.admin("/metrics").text


# --- Settings.otherResources ---

def test_other_resources(serve):
    policy = lambda *others: [cluster(unknownResources="deny", **({"otherResources": list(others)} if others else {})),
                              doc("Accelerator", "h100", resource=GPU, memory="80Gi"), team(quota("compute", 8, measure="gpus"))]
    raid, license_ = "nvidia.com/SMART_ARRAY", "example.com/license"
    server = serve(policy())
    assert not server.validate(pod({GPU: 8, raid: 8})).allowed, "below a vendor's prefix everything counts"
    assert not server.validate(pod({license_: 1})).allowed
    server = serve(policy(raid, "example.com/*"))
    decision = server.validate(pod({GPU: 8, raid: 8, license_: 1}))
    assert decision.allowed and not decision.warnings
    assert server.used("team-a", "compute", "gpus") == 8
    assert not server.validate(pod({"nvidia.com/SMART_ARRAY2": 1})).allowed


def test_lint_of_other_resources(tmp_path):
    accelerator = doc("Accelerator", "a100-80gb", resource=GPU, mig={"offered": ["1g.10gb"]})
    for pattern in (GPU, "nvidia.com/*", "*/gpu", "nvidia.com/mig-*", "*"):
        code, text = lint(tmp_path, cluster(otherResources=[pattern]), accelerator)
        assert code == 1 and re.search(r'a resource of Accelerator "a100-80gb" at \S+:14; make the pattern narrower', text), (pattern, text)
    for pattern in ("amd.com/gpu", "amd.com/*", "huawei.com/Asc*", "*"):
        code, text = lint(tmp_path, cluster(otherResources=[pattern]))
        assert code == 0 and "out of every quota" in text, (pattern, text)
    for pattern in ("nvidia.com/SMART_ARRAY", "example.com/*", "nvidia.com/cx7*"):
        code, text = lint(tmp_path, cluster(otherResources=[pattern]), accelerator)
        assert code == 0 and "warning" not in text, (pattern, text)


# --- Lint of quotas and Rules ---

@pytest.mark.parametrize("names,more,code,text", [
    ([MEM], {}, 0, ""),
    ([MEM, "nvidia.com/gpucores"], {}, 0, ""),
    ([MEM], {"measure": "gpus"}, 1, "is a companion of a device and can only be counted"),
    ([BYTES], {"measure": "memory", "hard": "4Gi"}, 1, "this one measures memory"),
    (["gpu.intel.com/i915_monitoring"], {"measure": "gpus"}, 1, "is access to every device of the node"),
    ([NIC], {"accelerators": ["a100"]}, 1, "is a network device and belongs to no Accelerator"),
    ([GPU, MEM], {"accelerators": ["a100"]}, 1, "is a companion of a device and belongs to no Accelerator"),
    ([GPU, MEM], {}, 0, "adds units of \"nvidia.com/gpumem\", which is a companion of a device, to its number of accelerators"),
    ([GPU, "gpu.intel.com/i915_monitoring"], {}, 0, ""),
    (["gpu.intel.com/m*"], {}, 0, "counts none of the names that it is known to match: gpu.intel.com/millicores (a companion of a device)"),
    (["nvidia.com/gpu*"], {}, 0, ""),
    (["nvidia.com/*"], {}, 0, ""),
    (["rdma/*"], {}, 1, "\"rdma/*\" counts nothing: it matches names such as rdma/* (a network device)"),
    (["rdma/hca"], {}, 0, ""),
    (["example.com/*"], {}, 1, "no Accelerator has a resource"),
    (["nvidia.con/gpu"], {}, 1, "did you mean \"nvidia.com/gpu\"?"),
    (["cpu"], {}, 1, "no Accelerator has a resource"),
    (["kubernetes.io/x"], {}, 1, "no Accelerator has a resource"),
])
def test_lint_of_quotas(tmp_path, names, more, code, text):
    accelerator = doc("Accelerator", "a100", resource=GPU, memory="80Gi")
    result, output = lint(tmp_path, accelerator, team({**quota(resources=names), **more}))
    assert result == code and (text in output if text else "warning" not in output), output


def test_rules_see_accelerators_only(tmp_path):
    for spec in ({"rewrite": [{"from": MEM, "to": GPU}]}, {"rewrite": [{"from": GPU, "to": NIC}]},
                 {"match": {"requests": {BYTES: {"min": 1}}}, "inject": {"nodeSelector": {"a": "b"}}}):
        code, text = lint(tmp_path, doc("Accelerator", "a100", resource=GPU, memory="80Gi"), doc("Rule", "r", **spec))
        assert code == 1 and "Rules see and rewrite only accelerators" in text, text


def test_the_policy_knows_better_than_the_catalog(serve):
    """An Accelerator makes any resource that it names a device, and defines what a unit of it is.
    """
    server = serve([doc("Accelerator", "quarter", resource="aliyun.com/gpu-mem", weight="0.0625"),
                    doc("Accelerator", "smlu", resource="cambricon.com/mlu.smlu.vcore", weight="0.01"), team(quota("compute", 1, measure="gpus"))])
    assert server.validate(pod({"aliyun.com/gpu-mem": 8})).allowed
    assert server.validate(pod({"cambricon.com/mlu.smlu.vcore": 50})).allowed
    assert server.used("team-a", "compute", "gpus") == 1
    assert not server.validate(pod({"cambricon.com/mlu.smlu.vcore": 1})).allowed


# --- Spellings of MIG ---

def held(server, name, **spec):
    """Returns how many Pods that each request one fit."""
    count = 0
    while count < 500 and server.validate(pod({name: 1}, **spec)).allowed:
        count += 1
    return count


@pytest.mark.parametrize("name,count", [
    ("nvidia.com/mig-1g.10gb.shared", 16), ("nvidia.com/mig-1c.3g.20gb", 8), ("nvidia.com/mig-2c.3g.40gb.shared", 8), ("nvidia.com/mig-1g.10gb.me", 28),
    ("nvidia.com/mig-7g.79gb", 4), ("nvidia.com/mig-1g.35gb", 16), ("nvidia.com/mig-1g.35gb.me", 28), ("nvidia.com/mig-3g.139gb", 8),
    ("nvidia.com/mig-3g.95gb", 8), ("nvidia.com/mig-1g.70gb", 16), ("nvidia.com/mig-1g.24gb", 8), ("nvidia.com/mig-1g.16gb", 8),
    ("nvidia.com/mig-1g.0gb", 12), ("nvidia.com/mig-3g.0gb.gfx", 4), ("nvidia.com/gpu-10gb", 4)])
def test_slices_that_no_accelerator_has(serve, name, count):
    assert held(serve([team(quota("compute", 4, measure="gpus"))]), name) == count


@pytest.mark.parametrize("offered", [["1g.10gb"], ["3g.40gb"]])
@pytest.mark.parametrize("name", ["nvidia.com/mig-1g.10gb.shared", "nvidia.com/mig-1g.10gb"])
def test_shares_of_a_slice(serve, name, offered):
    """A seventh of the device, or an eighth of its memory, in four shares, whether or not the slice
    keeps its name."""
    policy = [doc("Accelerator", "a100-80gb", resource=GPU, mig={"offered": offered}, sharing={"resource": name, "replicas": 4, "maxPerContainer": 2}),
              doc("Guard", "g", deny=["sharedRequestAboveOne", "mixedMigInContainer"])]
    assert held(serve(policy + [team(quota("compute", 2, measure="gpus"))]), name) == 2 * 7 * 4
    server = serve(policy + [team(quota("memory", "10Gi", measure="memory", resources=["nvidia.com/mig-1*"]), quota("all", "unlimited"))])
    assert held(server, name) == 4
    server = serve(policy + [team(quota("all", "unlimited", measure="gpus"))])
    assert server.validate(pod({name: 2})).allowed
    assert "several shares may be of the same GPU" in server.validate(pod({name: 3})).message
    assert "and another MIG profile, of which it can use only one" in server.validate(pod({name: 1, "nvidia.com/mig-3g.40gb": 1})).message
    assert server.validate(pod({GPU: 3})).allowed, "the whole device is not shared"


def test_spellings_go_by_the_accelerators(serve):
    """A share or a compute instance that no Accelerator names costs its slice, on the models where
    the Pod could land."""
    server = serve([doc("Accelerator", "a100-40gb", resource=GPU, nodeLabels={"model": "a100"}, mig={"profiles": "builtin"}),
                    doc("Guard", "g", deny=["sharedRequestAboveOne"]),
                    team(quota("memory", "40Gi", measure="memory", accelerators=["a100-40gb"]))])
    for name in ("nvidia.com/mig-1c.3g.20gb", "nvidia.com/mig-3g.20gb.shared", "nvidia.com/mig-1c.3g.20gb.shared"):
        assert held(server, name) == 2, name
        server = serve(server.policy)
    assert "several shares may be of the same GPU" in server.validate(pod({"nvidia.com/mig-3g.20gb.shared": 2})).message
    decision = server.validate(pod({"nvidia.com/mig-1c.3g.20gb": 1}, nodeSelector={"model": "t4"}))
    assert not decision.allowed and "nodeSelector" in decision.message


def test_lint_of_shares_of_slices(tmp_path):
    def says(**spec):
        return lint(tmp_path, doc("Accelerator", "a100-80gb", resource=GPU, memory="80Gi", **spec))
    share = {"resource": "nvidia.com/mig-1g.10gb.shared", "replicas": 2}
    assert says(mig={"offered": ["3g.40gb"]}, sharing=share)[0] == 0
    for spec, text in (({"sharing": share}, "say in `mig` how the device is cut"),
                       ({"sharing": {**share, "resource": "nvidia.com/mig-1g.11gb.shared"}, "mig": {"offered": ["1g.10gb"]}}, "name one of its profiles"),
                       ({"sharing": share, "mig": {"strategy": "single", "offered": ["1g.10gb"]}}, "slices have the Accelerator's own name")):
        code, output = says(**spec)
        assert code == 1 and text in output, output


def test_a_compute_instance_may_be_a_profile_of_ones_own(serve):
    """Then it costs what the policy says: a seventh of the device, with the memory in its name."""
    profile = {"name": "1c.3g.40gb", "computeSlices": 1, "memorySlices": 1}
    policy = [doc("Accelerator", "a100", resource=GPU, memory="80Gi", mig={"profiles": [profile]})]
    assert held(serve(policy + [team(quota("compute", 1, measure="gpus"))]), "nvidia.com/mig-1c.3g.40gb") == 7
    assert held(serve(policy + [team(quota("memory", "80Gi", measure="memory"))]), "nvidia.com/mig-1c.3g.40gb") == 2


def test_thor_has_no_memory_of_its_own(serve, tmp_path):
    thor = doc("Accelerator", "thor", resource=GPU, mig={"profiles": "builtin"})
    server = serve([thor, team(quota("compute", 1, measure="gpus"))])
    assert held(server, "nvidia.com/mig-1g.0gb") == 3
    code, text = lint(tmp_path, thor, team(quota("memory", "1Gi", measure="memory")))
    assert code == 1 and "does not say how much" in text


# --- How finely a device may be shared ---

def test_very_many_replicas(serve, tmp_path):
    share = lambda name, replicas: doc("Accelerator", name, resource=GPU, memory="80Gi", nodeLabels={"m": name},
                                       sharing={"resource": f"nvidia.com/{name}.shared", "replicas": replicas, "maxPerContainer": 65536})
    server = serve([share("a", 65536), team(quota("compute", "1.25", measure="gpus"), quota("memory", "100Gi", measure="memory"))])
    assert server.validate(pod({"nvidia.com/a.shared": 65536})).allowed
    assert server.validate(pod({"nvidia.com/a.shared": 16384})).allowed
    assert not server.validate(pod({"nvidia.com/a.shared": 1})).allowed
    assert lint(tmp_path, share("a", 65536), share("b", 1000), share("c", 360))[0] == 0
    code, text = lint(tmp_path, share("a", 65521), share("b", 65519))
    assert code == 1 and "have no common unit" in text
    code, text = lint(tmp_path, share("a", 65537))
    assert code == 1 and "must be 2 to 65536" in text


# --- A model of roles ---

MIG_WEIGHTS = {"nvidia.com/mig-1g.10gb": Fraction(1, 4), "nvidia.com/mig-1g.10gb.shared": Fraction(1, 4), "nvidia.com/mig-2c.3g.40gb": Fraction(1, 2)}
ROLES = {**{name: "device" for name in (GPU, SHARED, "nvidia.com/GA102GL_A10", "amd.com/gpu", "aliyun.com/gpu-mem", "koordinator.sh/gpu.shared")},
         **{name: "device" for name in MIG_WEIGHTS},
         **{name: "monitor" for name in MONITORS[:2]},
         **{name: "plain" for name in (MEM, "nvidia.com/gpucores", BYTES, "koordinator.sh/gpu-core", NIC, "nvidia.com/cx7_qsfp", "rdma/hca", "devices.kubevirt.io/kvm")},
         **{name: "unknown" for name in (FOO, "lab.example/gpu", "example.com/license")}}
PATTERNS = ["nvidia.com/*", "nvidia.com/mig-*", "*.com/gpu*", "gpu.intel.com/*", "amd.com/*", "koordinator.sh/gpu*", "*"]


class Model:
    """An independent implementation of what the documents say about names."""

    def __init__(self, accelerators, others, quotas):
        self.accelerators, self.others, self.quotas = accelerators, others, quotas
        self.used = {q["name"]: Fraction(0) for q in quotas}

    def role(self, name):
        if name in self.accelerators:
            return "device"
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.others):
            return "plain"
        return ROLES[name]

    def counts(self, q, name):
        if self.role(name) == "device":
            return "resources" not in q or any(fnmatch.fnmatchcase(name, pattern) for pattern in q["resources"])
        return q["measure"] == "count" and name in q.get("resources", [])

    def unit(self, q, name):
        whole = q["measure"] == "count" or name in self.accelerators or self.role(name) != "device"
        return 1 if whole else MIG_WEIGHTS.get(name, 1)

    def decide(self, asks):
        """Returns whether the Pod is admitted, and whether an unknown resource is reported."""
        covered = all(any(self.counts(q, name) for q in self.quotas) for name in asks if self.role(name) in ("device", "monitor"))
        adds = {q["name"]: sum((self.unit(q, name) * amount for name, amount in asks.items() if self.counts(q, name)), Fraction(0)) for q in self.quotas}
        fits = all(self.used[q["name"]] + adds[q["name"]] <= q["hard"] or adds[q["name"]] == 0 for q in self.quotas)
        if covered and fits:
            for name, amount in adds.items():
                self.used[name] += amount
        return covered and fits, any(self.role(name) == "unknown" for name in asks)


@st.composite
def policies(draw):
    accelerators = draw(st.sets(st.sampled_from([GPU, "amd.com/gpu", "lab.example/gpu", MEM, "nvidia.com/cx7_qsfp", MONITORS[0]]), max_size=3))
    others = [p for p in draw(st.lists(st.sampled_from(["example.com/*", FOO, "nvidia.com/GA*", "aliyun.com/gpu-mem", "rdma/*", MONITORS[1]]), max_size=2, unique=True))]
    quotas = []
    for i in range(draw(st.integers(1, 3))):
        q = {"name": f"q{i}", "measure": draw(st.sampled_from(["count", "count", "gpus"])), "hard": draw(st.sampled_from([1, 2, 5, 20, 1 << 33]))}
        if draw(st.booleans()):
            q["resources"] = draw(st.lists(st.sampled_from(PATTERNS + sorted(ROLES)), min_size=1, max_size=4, unique=True))
        quotas.append(q)
    model = Model(accelerators, others, quotas)
    for q in quotas:  # Leaves out what lint rejects.
        if "resources" in q:
            q["resources"] = [name for name in q["resources"] if "*" in name or (model.role(name) == "device" or q["measure"] == "count") and model.role(name) != "unknown"]
            if not q["resources"]:
                del q["resources"]
    return model


asks_of_a_pod = st.dictionaries(st.sampled_from(sorted(ROLES)), st.one_of(st.integers(1, 3), st.sampled_from([1 << 20, 1 << 32])), min_size=1, max_size=4)


@settings(max_examples=scaled(60, 5))
@given(policies(), st.lists(asks_of_a_pod, min_size=1, max_size=12))
def test_only_devices_shares_and_slices_count(model, pods):
    documents = [doc("Accelerator", f"m{i}", resource=name) for i, name in enumerate(sorted(model.accelerators))]
    if model.others:
        documents.append(cluster(otherResources=model.others))
    server = Server(documents + [team(*model.quotas)])
    try:
        for asks in pods:
            if sum(n for name, n in asks.items() if model.role(name) in ("device", "monitor")) > 10**9:
                # Refused as invalid, whatever the quotas say.
                continue
            allowed, unknown = model.decide(asks)
            decision = server.validate(pod(asks))
            assert decision.allowed == allowed, (asks, decision)
            said = decision.warnings if allowed else []
            assert any("known neither" in w for w in said) == (unknown and allowed), (asks, decision)
            if not allowed:  # A resource that is not an accelerator is never uncovered.
                assert not any(f"covers {name} " in decision.message + " " for name in asks if model.role(name) in ("plain", "unknown")), decision
        for q in model.quotas:
            used = server.used("team-a", q["name"], q["measure"])
            assert abs(used - float(model.used[q["name"]])) < 1e-6 * max(1, used), (q, used, model.used)
    finally:
        server.stop()


@pytest.mark.parametrize("prefix", ["requests.", "limits."])
def test_the_prefix_of_a_resource_quota_is_named(tmp_path, prefix):
    done = run("lint", write_policy(tmp_path, [doc("Tenant", "t", namespaces=["t"], quotas=[{"name": "q", "resources": [prefix + GPU], "hard": 1}])]))
    assert done.returncode == 1
    assert f'"{prefix}nvidia.com/gpu" is how a ResourceQuota writes it; here a resource has its own name, so write nvidia.com/gpu' in done.stdout + done.stderr


@pytest.mark.parametrize("spec", [{"quotas": [{"name": "q", "resources": ["nvidia.com/gpus"], "hard": 1}]}, {"quotas": [{"name": "q", "resources": [GPU], "hard": 1}]}])
def test_a_name_that_is_nearly_an_accelerators_is_asked_about(tmp_path, spec):
    done = run("lint", write_policy(tmp_path, [doc("Accelerator", "a", resource=GPU), doc("Tenant", "t", namespaces=["t"], **spec)]))
    asked = 'no Accelerator has "nvidia.com/gpus", which counts as a device only because of its domain; did you mean "nvidia.com/gpu"?'
    assert done.returncode == 0 and (asked in done.stdout + done.stderr) == ("gpus" in str(spec)), done.stdout + done.stderr


SPELLINGS = ["nvidia.com/mig-1g.10gb", "nvidia.com/mig-1g.10gb.shared", "nvidia.com/mig-1c.1g.10gb", "nvidia.com/mig-1c.1g.10gb.shared",
             "nvidia.com/mig-3g.40gb", "nvidia.com/mig-1c.3g.40gb", "nvidia.com/mig-3g.40gb.shared", "nvidia.com/mig-7c.7g.80gb", GPU]


@settings(max_examples=scaled(25, 4))
@given(st.lists(st.sampled_from([*SPELLINGS, "nvidia.com/mig-*gb", "nvidia.com/mig-1g*", "nvidia.com/*", "nvidia.com/mig-7g.80gb"]), min_size=1, max_size=3, unique=True),
       st.lists(st.sampled_from(SPELLINGS), min_size=8, max_size=8))
def test_what_passes_is_charged(resources, asked):
    """In every spelling of a slice, a Pod that no quota counts is not admitted, and an admitted one
    costs something."""
    server = Server([doc("Accelerator", "a100-80gb", resource=GPU, mig={"offered": ["1g.10gb", "3g.40gb", "7g.80gb"]}),
                     doc("Tenant", "team-a", namespaces=["team-a"], quotas=[{"name": "q", "resources": resources, "hard": 1000}])])
    try:
        for name in asked:
            decision = server.validate(pod({name: 2}), dry_run=True)
            assert decision.allowed == (decision.audit.get("charge") == "team-a/q=2"), (name, resources, decision)
    finally:
        server.stop()
