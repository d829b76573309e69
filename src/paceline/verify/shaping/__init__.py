"""Verifiers made of others, and parts beside the answer.

compose          several verifiers as one: a weighted sum, a product, a gate
length           length and repetition
partial_credit   small rewards for steps on the way
presets          sets of rewards that people know, by name
"""
