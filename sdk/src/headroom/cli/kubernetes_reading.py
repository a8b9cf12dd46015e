"""Reads a platform's objects from a Kubernetes cluster; the only module that knows the cluster's client.

It only lists and gets: docs/cli.md has the role that is needed.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from kubernetes import client, config
from kubernetes.client import rest
from kubernetes.client.exceptions import ApiException

from headroom.cli.guard import BadInputError
from headroom.cli.rollouts import ClusterObjects, Json
from headroom_common.errors import PermanentError, TransientError

PLATFORM: Final = "app.kubernetes.io/part-of=headroom"
"""Selects what belongs to a platform."""

_HttpError: Final = rest.urllib3.exceptions.HTTPError  # type: ignore[attr-defined] # the client lets it through
_TIMES: Final = (5.0, 30.0)
_LISTED: Final = "get and list of deployments, pods and horizontalpodautoscalers, and get of the namespace"
_FORBIDDEN, _UNAUTHORIZED, _NOT_FOUND = 403, 401, 404


def read_cluster(namespace: str, *, context: str | None, kubeconfig: Path | None) -> ClusterObjects:
    """Return the objects of the platform in a namespace.

    Args:
        namespace: where it is.
        context: which cluster and user of the kubeconfig; None takes its current one.
        kubeconfig: the file; None takes KUBECONFIG's, ~/.kube/config, or what a pod has been given.

    Raises:
        BadInputError: there is no such kubeconfig, context or namespace, or no platform in it.
        PermanentError: the cluster refuses the question.
        TransientError: the cluster does not answer.
    """
    with _client(context, kubeconfig) as api:
        ask = _Asking(api.configuration.host, namespace)
        deployments = ask.items(client.AppsV1Api(api).list_namespaced_deployment, label_selector=PLATFORM)
        if not deployments:
            ask.expect_namespace(client.CoreV1Api(api).read_namespace)
        return ClusterObjects(
            deployments=deployments,
            pods=ask.items(client.CoreV1Api(api).list_namespaced_pod, label_selector=PLATFORM),
            autoscalers=ask.items(client.AutoscalingV1Api(api).list_namespaced_horizontal_pod_autoscaler),
        )


def _client(context: str | None, kubeconfig: Path | None) -> client.ApiClient:
    settings = client.Configuration()
    settings.retries = False
    files = str(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or "~/.kube/config"
    there = [path for name in files.split(os.pathsep) if (path := Path(name).expanduser()).is_file()]
    in_pod = "KUBERNETES_SERVICE_HOST" in os.environ and context is None and kubeconfig is None
    try:
        if there or not in_pod:
            _expect_kubeconfig(files, there, context)
            config.load_kube_config(files, context, client_configuration=settings, persist_config=False)
        else:
            config.load_incluster_config(client_configuration=settings)
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        message = f"kubeconfig: expected a valid one, found that {files}: {error}"
        raise BadInputError(message, next_step="`kubectl config view` shows it.") from error
    return client.ApiClient(settings)


def _expect_kubeconfig(files: str, there: Sequence[Path], context: str | None) -> None:
    """Raise unless there is a kubeconfig with the context.

    Raises:
        BadInputError: there is none.
    """
    if not there:
        message = f"kubeconfig: expected a file, found none at {files}"
        raise BadInputError(message, next_step="Set KUBECONFIG or --kubeconfig to the cluster's.")
    contexts, current = config.list_kube_config_contexts(files)
    names = sorted(one["name"] for one in contexts)
    wanted = context or (current or {}).get("name")
    if wanted not in names:
        message = f"context: expected one of {', '.join(names) or 'none'}, found {wanted or 'none'}"
        raise BadInputError(
            message, next_step="`kubectl config get-contexts` lists them; --context takes one."
        )


class _Asking:
    """Asks one cluster, and says what is wrong when it does not answer as it should."""

    def __init__(self, host: str, namespace: str) -> None:
        self._host = host
        self._namespace = namespace

    def items(self, call: Callable[..., Any], **options: str) -> list[Json]:
        """Return the listed objects as plain data.

        The client's own classes would refuse objects of a cluster that is older or newer than they are.
        """
        found: list[Json] = self._ask(call, self._namespace, **options)["items"]
        return found

    def expect_namespace(self, call: Callable[..., Any]) -> None:
        """Say that there is no platform in the namespace, or no namespace.

        Raises:
            BadInputError: always.
        """
        found = f"no Deployment labelled {PLATFORM}"
        try:
            self._ask(call, self._namespace)
        except PermanentError as error:
            if isinstance(error.__cause__, ApiException) and error.__cause__.status == _NOT_FOUND:
                found = "no such namespace"
        message = f"namespace: expected one with a platform, found {found} in {self._namespace}"
        raise BadInputError(message, next_step="--namespace says where the platform is.")

    def _ask(self, call: Callable[..., Any], *arguments: str, **options: str) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = call(*arguments, **options, _preload_content=False, _request_timeout=_TIMES)
            return json.loads(answer.data)
        except ApiException as error:
            raise self._refused(error) from error
        except (_HttpError, ValueError) as error:
            reason = str(getattr(error, "reason", None) or error)
            message = f"cluster: expected an answer of {self._host}, found none: {reason}"
            raise TransientError(message, next_step="`kubectl cluster-info` asks the same.") from error

    def _refused(self, error: ApiException) -> PermanentError:
        if error.status == _UNAUTHORIZED:
            message = f"cluster: expected a user that {self._host} knows, found that it refuses this one"
            return PermanentError(message, next_step="Sign in anew, or take another --context.")
        try:
            said = str(json.loads(error.body or "")["message"])
        except (ValueError, TypeError, KeyError):
            said = f"{error.status} {error.reason}"
        needed = f"The user needs {_LISTED}: docs/cli.md has the role." if error.status == _FORBIDDEN else ""
        return PermanentError(f"cluster: {said}", next_step=needed)
