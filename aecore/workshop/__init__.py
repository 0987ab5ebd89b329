"""Work on what strangers bring, in killable child processes with limits; only checked results
come back.

`task` says what a piece of work is, `workshop` hands it out from many threads, `turns` who is next.
`helper` is the process that children come from, `child` what one does, `walls` what shuts it in.
`passing` carries results: arrays and JSON, never a pickle.
"""

from aecore.workshop.task import Made, Task, Tell
from aecore.workshop.workshop import Workshop, workshop

__all__ = ["Made", "Task", "Tell", "Workshop", "workshop"]
