"""The law of imports: each floor imports those before it alone."""

FLOORS = [
    {"types", "errors", "rng", "hub", "lazy", "text"},
    {"annotations", "stats", "terminal"},
    {"settings", "objective", "verify", "layout"},
    {"batch", "tasks"},
    {"model"},
    {"engine"},
    {"training"},
    {"config"},
    {"recipes"},
    {"store"},
    {"diagnostics", "preflight"},
    {"report"},
    {"run"},
    {"analysis", "export"},
    {"cli"},
]
