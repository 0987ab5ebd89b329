"""The laboratory: experiments that a person runs. One experiment is one file in experiments/.

Pages, command line, links, contract tests and worker processes find it there by itself; nothing
else is touched. AECORE_EXPERIMENTS names more folders of such files.

**What a file contains.** A class below `Experiment` (experiment.py says each field), which has

- `name`, `title`, `question` (asked before the run), `claim` (what it shows) and `surprise` (said
  once there is a result), `icon`, `place` in lists;
- `Options`, a frozen dataclass as the families have it (label, range and help as metadata; each
  field has a default), which must have a `seed`;
- `uses`: "nothing" where it makes its own data, "data" for a dataset, "model" for the model in
  hand with its data; and `why_not(about)`: a sentence where the question makes no sense there;
- `seconds(options)`: about how long it takes on one quiet core;
- `tasks(options, about)`: the run as many small tasks, a few seconds each, which may be done in
  any order and side by side, each with a name of its own, plain values and a seed. A sweep is one
  task a value, and one more for each draw. What all tasks need is computed in each, or kept by a
  cache of its process, as `basis_of` and `once.Once` do;
- `work(task, options, subject, control)`: does one task, in whichever process. It yields a `Look`
  now and then, the last of which is the task's result: numbers, texts, lists and NumPy arrays by
  name. It calls `control.give_way()` ten times a second or oftener; that is where others get their
  turn and where a stop takes effect. `control.training()` is the TrainControl for `train`;
  `training.trained` does that. Every draw takes a generator seeded from `task.seed`: the same
  seed gives the same numbers, whatever else runs; times alone differ, and the names of their
  values end as `experiment.CLOCK` says;
- `tell(options, about, done)`: the values of the tasks that are done, or under way, by task name
  -> an `Outcome`: figures (each with unit and split), charts, pictures, tables, a sentence. It is
  called again and again while the run goes on, with what is there; it must be quick and must not
  need any task to be there;
- `bands(options, about)`: what is expected by the figures' names, where it was measured; {} else;
- `asks(options, about)`: what a person may predict: points of one line of one chart, bars, or one
  number (a `Prediction`); None for nothing;
- `sketch()`: a small chart for its card, which gives nothing away.

**How figures are drawn.** As data: a `Chart` of lines, bars or of a plane (aecore.figures.chart),
`Pictures`, a `Table`. Pages draw them live, exports write them as CSV and PNG; an experiment draws
nothing itself and names no colour but by role: "model", "pca", "train", "floor" or a class.

**A page of its own.** Where the stage needs more than charts and pictures (a dial, a threshold
that one drags), a page `pages/lab/NAME.py`, not listed in the sidebar, may show the same result
beside the general one, which leads there if the experiment's `page` is that page's address.

**How tests are written.** tests/contracts/test_experiments.py tries every experiment there is, at
the options that its `quick()` gives, so `quick` must take seconds. A file's own test,
tests/lab/test_NAME.py, holds its numbers to an independent oracle (PCA in closed form, a count, a
classical method) and to its claim on small data. Bands are for pages and benchmarks, not tests.
"""
