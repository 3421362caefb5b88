"""A zero-trust AI factory from one declarative spec: load it, check it, plan it, prove it. Pure: no engine, no cluster, no clock."""
