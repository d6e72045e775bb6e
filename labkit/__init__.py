"""labkit: a lab for fine-tuning NLP models inside JupyterLab.

This module stays light on purpose: importing it loads no torch, transformers, datasets or plotly. Weight is opted into by
importing a sub-package: ``labkit.data``, ``labkit.models``, ``labkit.training``, ``labkit.evaluation``, ``labkit.charts``.
"""

__version__ = "0.1.0"
