"""`make bench`: the engine beside its yardsticks, then the service beside the notebook.

python -m benchmarks [--rounds 5] [--torch /path/to/python/with/torch]
"""

from benchmarks import engine, service

arguments = engine.options().parse_args()
engine.main(arguments)
service.main(arguments.rounds)
