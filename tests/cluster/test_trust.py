"""Whether the API server accepts the certificate that gpugate serves from files. gpugate reports
that by its log, once, and a gauge. The API server must agree."""

import base64
import re

import pytest

from gpugate import authority, eventually
from kube import GPU, doc
from manifests import pod
from pki import Authority

POLICY = [doc("Accelerator", "x", resource=GPU, memory="80Gi"), doc("Tenant", "ml", namespaces=["ml"], quotas=[{"name": "g", "hard": 1000}]),
          doc("Rule", "r", match={"requests": {GPU: {}}}, inject={"nodeSelector": {"gpu": "yes"}})]
KINDS = {"mutating": "MutatingWebhookConfiguration", "validating": "ValidatingWebhookConfiguration"}


@pytest.fixture
def plane(fresh_control_plane):
    plane = fresh_control_plane(controllers=False, scheduler=False)
    plane.namespace("ml")
    return plane


def untrusted(gate):
    """Returns the gauge by configuration. Unknown ones are left out."""
    found = re.findall(r'^gpugate_certificate_untrusted\{configuration="(\w+)"\} ([01])$', gate.server.admin("/metrics").text, re.M)
    return {kind: int(value) for kind, value in found}


def until(gate, **wanted):
    eventually(lambda: untrusted(gate) == wanted, 30, f"{wanted}, not {untrusted(gate)}")


def trust(plane, pem, *kinds):
    """Writes a caBundle into every webhook of these kinds."""
    for kind in kinds or KINDS:
        there = plane.admin.get(KINDS[kind], "gpugate").must()
        for webhook in there["webhooks"]:
            webhook["clientConfig"]["caBundle"] = base64.b64encode(pem).decode()
        plane.admin.replace(there).must()


def accepted(plane, name):
    return plane.admin.create(pod("ml", name, {GPU: 1}))


def test_the_served_certificate_and_the_registered_bundle(plane, gpugate_in_cluster):
    gate = gpugate_in_cluster(plane, POLICY, ledger="cluster")
    until(gate, mutating=0, validating=0)
    eventually(lambda: accepted(plane, "before").ok, 30, "a Pod")
    assert not gate.server.log("certificate_untrusted")

    # The registration changes: another authority, possibly with the same name.
    other = Authority()
    trust(plane, other.pem, "validating")
    until(gate, mutating=0, validating=1)
    line = eventually(lambda: gate.server.log("certificate_untrusted"), 10, "the log's line")[0]
    assert line["level"] == "warn" and line["configuration"] == "validating"
    assert line["message"].startswith("the API server does not accept the certificate that is served for webhook ")
    assert " of the ValidatingWebhookConfiguration: " in line["message"]
    eventually(lambda: "x509: certificate signed by unknown authority" in str(accepted(plane, "refused").body), 30, "the API server's own verdict")
    trust(plane, authority().pem, "validating")
    until(gate, mutating=0, validating=0)
    eventually(lambda: gate.server.log("certificate_trusted"), 10, "the log's line")
    assert len(gate.server.log("certificate_untrusted")) == 1 and len(gate.server.log("certificate_trusted")) == 1

    # The files change: a pair of the other authority, which only some trust.
    pair = other.issue("localhost")
    gate.server.cert.write_bytes(pair[0])
    gate.server.key.write_bytes(pair[1])
    until(gate, mutating=1, validating=1)
    trust(plane, authority().pem + other.pem, "mutating")
    until(gate, mutating=0, validating=1)
    trust(plane, authority().pem + other.pem)
    until(gate, mutating=0, validating=0)
    eventually(lambda: accepted(plane, "after").ok, 30, "a Pod")

    # A certificate for another name is not accepted either.
    pair = authority().issue("elsewhere", dns=["elsewhere"], ips=[])
    gate.server.cert.write_bytes(pair[0])
    gate.server.key.write_bytes(pair[1])
    until(gate, mutating=1, validating=1)
    eventually(lambda: any("the certificate is not for 127.0.0.1" in line["message"] for line in gate.server.log("certificate_untrusted")), 10,
               "the log's line")
    gate.unregister()
    until(gate)


def test_certificates_of_its_own_are_trusted(plane, gpugate_in_cluster):
    gate = gpugate_in_cluster(plane, POLICY, "--certs", "self-managed", ledger="cluster", ready=False)
    until(gate, mutating=0, validating=0)
