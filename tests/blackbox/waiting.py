"""How workflow engines react to a refusal: whether they create the Pod again later or give up. Each
condition is that of the engine's source."""

WORDS = "exceeded quota"


def argo(code, reason, message):
    """Argo Workflows, util/errors/errors.go at 047a7dab3ad8: isExceededQuotaErr, IsTooManyRequests.
    """
    return (reason == "Forbidden" and WORDS in message) or reason == "TooManyRequests"


def tekton(code, reason, message):
    """Tekton Pipelines, pkg/reconciler/taskrun/taskrun.go at 00de1eb6f821:
    isExceededResourceQuotaError.

    A 429 fails the TaskRun, unless client-go's own retries succeed.
    """
    return reason == "Forbidden" and WORDS in message


def airflow(code, reason, message):
    """Airflow, providers/cncf/kubernetes/executors/kubernetes_executor.py at 002954c0e614:
    _handle_pod_publish_error."""
    return (code == 403 and WORDS in message) or code == 429


def engines_wait(decision, webhook="quota.gpugate.io"):
    """Whether the engines wait. They must agree. The API server puts the webhook's name before the
    message."""
    message = f'admission webhook "{webhook}" denied the request: {decision.message}'
    found = {engine(decision.code, decision.reason, message) for engine in (argo, tekton, airflow)}
    assert len(found) == 1 or decision.code == 429, (found, message)
    return found == {True}
