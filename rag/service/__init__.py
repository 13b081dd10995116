"""What a front needs around library, assistant and conversations.

Folders are followed, what is handed over is added, questions are answered in the background. A front imports
its names from here, and no inner module.
"""

from rag.ingest.folder import name_in as name_in
from rag.keys import is_followed as is_followed
from rag.loading.formats import TAKEN as TAKEN
from rag.service.adding import Result as Result
from rag.service.adding import Upload as Upload
from rag.service.adding import restore as restore
from rag.service.adding import summary as summary
from rag.service.adding import too_large as too_large
from rag.service.asking import Asking as Asking
from rag.service.asking import How as How
from rag.service.engine import Engine as Engine
from rag.service.following import FollowingState as FollowingState
from rag.service.intake import Adding as Adding
from rag.service.mentions import unmentioned as unmentioned
from rag.service.mentions import unsaid as unsaid
from rag.service.naming import count as count
from rag.service.naming import file_name as file_name
from rag.service.naming import size as size
from rag.service.pace import Pace as Pace
from rag.service.work import UNEXPECTED as UNEXPECTED
from rag.service.work import Work as Work
from rag.service.work import sentence_for as sentence_for
from rag.settings import LOOPBACK as LOOPBACK
from rag.text.limits import told_left_out as told_left_out
