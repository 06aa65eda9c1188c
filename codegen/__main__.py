"""`python -m codegen`: the commands, in place."""

from codegen.cli import main

main(prog_name="k2t-gen")
