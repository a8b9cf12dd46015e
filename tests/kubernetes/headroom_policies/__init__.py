"""What the manifests in k8s/ have to keep to: they render, they are valid, and they follow our policies."""

from headroom_policies import configuration, network, operations, pods
from headroom_policies.rules import RULES, Rule, findings

__all__ = ["RULES", "Rule", "configuration", "findings", "network", "operations", "pods"]
