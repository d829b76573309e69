"""The law of imports: each floor imports those before it alone."""

FLOORS = [
    {"types", "errors", "rng", "hub", "lazy", "text", "companion"},
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
    {"report", "tracking"},
    {"run"},
    {"analysis", "export"},
    {"cli"},
]
