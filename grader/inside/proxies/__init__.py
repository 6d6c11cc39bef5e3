"""How the learner's objects look to a check: proxies that ask the learner's process.

``references`` (who stands for what), ``functions``, ``generators``, ``mirrors`` (of classes, and their
instances), ``specials`` (the special methods of mirrors), ``arrivals`` (what a frame describes, made).

What is asked, and what never is:

- comparing with plain data never asks (``==`` is False, ordering raises), unless the check opted in;
- arithmetic and ``in`` with plain data ask only classes that the author's source knows (author.allows):
  an object of any other class could answer ``abs(result - expected) < tolerance`` in its own favour;
- everything about a single object (length, items, iteration, truth, text, conversions) asks: an answer
  that does not know what is expected is worth no more than a plain value.
"""

from .arrivals import arrived, make_class
from .functions import Function, Method
from .mirrors import LearnerObject, Mirror, is_enum_like
from .references import Ref, RemoteModule, is_learners, ref_of
from .specials import SPECIAL

__all__ = [
    "SPECIAL",
    "Function",
    "LearnerObject",
    "Method",
    "Mirror",
    "Ref",
    "RemoteModule",
    "arrived",
    "is_enum_like",
    "is_learners",
    "make_class",
    "ref_of",
]
