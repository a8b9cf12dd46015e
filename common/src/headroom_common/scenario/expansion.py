"""What a short spec leaves unsaid: templates merged into servers, the mix of a workload with one endpoint."""

import copy
from typing import Any

from headroom_common.scenario.draft import Draft, Finding, Loc, mappings
from headroom_common.scenario.suggestions import did_you_mean


def expand(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return the spec *raw* with templates merged and default mixes filled in, and what was wrong."""
    spec, findings = expand_templates(raw)
    if isinstance(spec.get("workloads"), list):
        draft = Draft(spec)
        spec["workloads"] = [
            _fill_mix(index, workload, draft, findings) if isinstance(workload, dict) else workload
            for index, workload in enumerate(spec["workloads"])
        ]
    return spec, findings


def expand_templates(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Return *raw* with the templates merged into the servers that ask for them, and what was wrong.

    A server's own keys replace its template's. The result has neither `templates` nor `template` any more.
    """
    findings: list[Finding] = []
    servers = raw.get("servers")
    spec = {key: value for key, value in raw.items() if key != "templates"}
    templates = _server_templates(raw, findings)
    if isinstance(servers, list):
        spec["servers"] = [
            _expand_server(index, server, templates, findings) if isinstance(server, dict) else server
            for index, server in enumerate(servers)
        ]
    return spec, findings


def without_template(findings: list[Finding]) -> set[Loc]:
    """Return the places of the servers whose template is unknown: what they lack, the template may have."""
    return {
        finding.loc[:2]
        for finding in findings
        if finding.loc[:1] == ("servers",) and finding.loc[-1] == "template"
    }


def used_templates(raw: dict[str, Any]) -> set[str]:
    """Return the names of the templates that servers of the raw spec ask for."""
    return {
        server["template"]
        for _, server in mappings(raw, "servers")
        if isinstance(server.get("template"), str)
    }


def _server_templates(raw: dict[str, Any], findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """Return the templates of usable shape; what is wrong with the others goes to *findings*."""
    templates = raw.get("templates")
    if templates is None:
        return {}
    if not isinstance(templates, dict):
        findings.append(Finding.of(("templates",), "a mapping with 'servers'", templates))
        return {}
    for key in templates:
        if key != "servers":
            hint = "only servers have templates"
            findings.append(Finding.of(("templates", str(key)), "the key 'servers'", key, hint))
    servers = templates.get("servers")
    if servers is None:
        return {}
    if not isinstance(servers, dict):
        findings.append(Finding.of(("templates", "servers"), "a mapping from names to templates", servers))
        return {}
    for name, body in servers.items():
        loc = ("templates", "servers", str(name))
        if not isinstance(body, dict):
            findings.append(Finding.of(loc, "a mapping with keys of a server", body))
            continue
        findings.extend(
            Finding.of(
                (*loc, key), "no such key in a template", f"'{key}'", "it belongs to a server", text=True
            )
            for key in ("name", "template")
            if key in body
        )
    return {str(name): body for name, body in servers.items() if isinstance(body, dict)}


def _expand_server(
    index: int, server: dict[str, Any], templates: dict[str, dict[str, Any]], findings: list[Finding]
) -> dict[str, Any]:
    wanted = server.get("template")
    own = {key: value for key, value in server.items() if key != "template"}
    if wanted is None:
        return own
    if not isinstance(wanted, str) or wanted not in templates:
        hint = did_you_mean(wanted, templates) or "templates are declared in spec.templates.servers"
        findings.append(Finding.of(("servers", index, "template"), "a server template", wanted, hint))
        return own
    # A copy, so that an override of one server leaves the template's other servers alone.
    inherited = copy.deepcopy(templates[wanted])
    return {key: value for key, value in inherited.items() if key not in ("name", "template")} | own


def _fill_mix(index: int, workload: dict[str, Any], draft: Draft, findings: list[Finding]) -> dict[str, Any]:
    if workload.get("mix"):
        return workload
    endpoints = draft.reachable_endpoints(workload)
    if len(endpoints) > 1:
        listed = ", ".join(endpoints[:5]) + (", …" if len(endpoints) > 5 else "")  # noqa: PLR2004 - a readable few
        hint = f"the reachable servers have several endpoints: {listed}"
        findings.append(Finding.of(("workloads", index, "mix"), "a mix of endpoints", None, hint))
    return workload | ({"mix": [{"endpoint": endpoints[0]}]} if len(endpoints) == 1 else {})
