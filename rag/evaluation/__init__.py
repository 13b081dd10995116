"""Measuring how well a library answers: questions whose answers are known are asked, and judged.

A front imports its names from here.
"""

from rag.evaluation.measures import DEPTH as DEPTH
from rag.evaluation.measures import LATENCIES as LATENCIES
from rag.evaluation.measures import Measure as Measure
from rag.evaluation.measures import Outcome as Outcome
from rag.evaluation.measures import measure as measure
from rag.evaluation.measures import recall as recall
from rag.evaluation.measuring import Measured as Measured
from rag.evaluation.measuring import last_measured as last_measured
from rag.evaluation.measuring import measure_library as measure_library
from rag.evaluation.measuring import plain_name as plain_name
from rag.evaluation.measuring import read_upload as read_upload
from rag.evaluation.question_files import read_questions as read_questions
from rag.evaluation.runs import Run as Run
from rag.evaluation.runs import runs_on as runs_on
