"""Tours: executing the tutorials, with parameters in and recorded results out."""

from labkit.tours._doctor import Examined, examine
from labkit.tours._run import Executed, record, recorded, run_notebook, to_html
from labkit.tours._tour import tour, tutorials

__all__ = ["Examined", "Executed", "examine", "record", "recorded", "run_notebook", "to_html", "tour", "tutorials"]
