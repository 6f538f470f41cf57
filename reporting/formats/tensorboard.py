"""Histories as TensorBoard reads them: event files in a ZIP, one folder per run.

Folders and tags are those of Keras's TensorBoard callback, so that a run's training and validation
lie over each other in one chart: `variant/seed-0/train` and `variant/seed-0/validation`, in each
`epoch_loss`, `epoch_acc` and `epoch_data_loss`. The step is the epoch, counted from 1 as everywhere
here, and the time of an event is when the epoch was recorded. Values are 32-bit floats, which is
what TensorBoard keeps; NaN and infinities are themselves. What is measured of layers' weights is among
those of training, its name being the tag.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence

from models.history import RunHistory
from models.kinds.metric import Of
from models.kinds.metrics import METRICS, metric_of
from models.tables import Run
from reporting.archive import zipped
from reporting.formats.base import Export, Format
from reporting.reading import RunRow

TRAIN = "train"
FOLDERS: Mapping[str, Mapping[str, str]] = {
    folder: {f"epoch_{metric.measure.name}": name for name, metric in METRICS.items() if metric.of == of}
    for folder, of in ((TRAIN, Of.TRAINING), ("validation", Of.VALIDATION), ("train-inference", Of.EVALUATED))
}
"""What is in a run's folder: the metric of each tag. The last is there where `training.evaluate_train` asked for it."""

VERSION = "brain.Event:2"
"""The version of event files that their first record names."""


def write(export: Export) -> Iterator[bytes]:
    """The archive. A run without epochs has no files."""
    below = folders(export.runs)
    return zipped(
        (f"{below[history.run_id]}/{path}", history.recorded_at[-1], [_event_file(history, tags)])
        for chunk in export.chunks
        for history in chunk
        for path, tags in _files(history)
    )


def folders(runs: Sequence[RunRow] | Sequence[Run]) -> dict[str, str]:
    """The folder of each run's files, by its id: `variant/seed-0`, and below the job's id if there are several jobs."""
    several = len({run.job_id for run in runs}) > 1
    names: dict[str, dict[str, str]] = {}
    found = {}
    for run in runs:
        of_job = names.setdefault(run.job_id, {})
        if run.variant not in of_job:
            of_job[run.variant] = _folder(run.variant, {name.casefold() for name in of_job.values()})
        above = f"{run.job_id}/" if several else ""
        found[run.id] = f"{above}{of_job[run.variant]}/seed-{run.seed}"
    return found


def _folder(variant: str, taken: set[str]) -> str:
    """`variant` as a folder's name that any file system takes, and that none of `taken` is."""
    plain = re.sub(r"[^\w.()+=@ -]", "_", variant)[:50].strip(". ") or "_"
    name, number = plain, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain}-{number}"
    return name


def _files(history: RunHistory) -> Iterator[tuple[str, Mapping[str, Sequence[float]]]]:
    """The path of each of a run's event files, and the values of its tags."""
    if not history.epochs:
        return
    # TensorBoard reads a folder's files in the order of their names, which begin with a time.
    file = f"events.out.tfevents.{int(history.recorded_at[0].timestamp()):010d}.ockham"
    for folder, tags in FOLDERS.items():
        recorded = {tag: history.metrics[name] for tag, name in tags.items() if name in history.metrics}
        if folder == TRAIN:
            recorded |= {name: values for name, values in history.metrics.items() if _is_of_a_layer(name)}
        if recorded:
            yield f"{folder}/{file}", recorded


def _is_of_a_layer(name: str) -> bool:
    metric = metric_of(name)
    return metric is not None and bool(metric.layer)


def _event_file(history: RunHistory, tags: Mapping[str, Sequence[float]]) -> bytes:
    from tensorboardX.proto.event_pb2 import Event  # slow to import, and rarely asked for
    from tensorboardX.proto.summary_pb2 import Summary

    times = [moment.timestamp() for moment in history.recorded_at]
    events = [Event(wall_time=times[0], file_version=VERSION)]
    for place, (time, epoch) in enumerate(zip(times, history.epochs, strict=True)):
        values = [Summary.Value(tag=tag, simple_value=numbers[place]) for tag, numbers in tags.items()]
        events.append(Event(wall_time=time, step=epoch, summary=Summary(value=values)))
    return b"".join(_record(event.SerializeToString()) for event in events)


def _record(data: bytes) -> bytes:
    """A record as TFRecord files frame it: length, its checksum, data, its checksum.

    tensorboardX frames records too, but only into files.
    """
    from tensorboardX.record_writer import masked_crc32c

    length = struct.pack("<Q", len(data))
    return b"".join([length, struct.pack("<I", masked_crc32c(length)), data, struct.pack("<I", masked_crc32c(data))])


FORMAT = Format("tensorboard", "application/zip", "zip", write, times=True, compressed=True)
