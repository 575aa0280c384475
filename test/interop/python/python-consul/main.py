"""What `../consul-client/main.py` does, with python-consul in place of py-consul."""

import pathlib
import runpy

runpy.run_path(str(pathlib.Path(__file__).parents[1] / "consul-client" / "main.py"), run_name="__main__")
