"""Tests on a whole cluster: a node, pods, real mail servers; everything through kubectl."""
