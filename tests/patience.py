"""How long tests wait that kill, stop and resume whole studies."""

# No measure of speed: only what hangs takes so long, also where ten processes share each core.
HANGS_SECONDS = 1800.0
