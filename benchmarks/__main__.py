"""`make bench`: engine and service beside their yardsticks, tiny runs, the API under load, growth, large tables, pages.

python -m benchmarks [--rounds 5] [--torch /path/to/python/with/torch] [--rows 200000]
                     [engine] [service] [tiny_runs] [api] [reading] [growth] [datasets] [pages]
"""

from collections.abc import Callable

from benchmarks import api, datasets, engine, growth, pages, reading, service, tiny_runs

parser = engine.options()
parser.description = __doc__
parser.add_argument("part", nargs="*", help="the names of parts; without any, all of them")
datasets.options(parser)
arguments = parser.parse_args()
parts: dict[str, Callable[[], None]] = {
    "engine": lambda: engine.main(arguments),
    "service": lambda: service.main(arguments.rounds),
    "tiny_runs": lambda: tiny_runs.main(),
    "api": lambda: api.main(),
    "reading": lambda: reading.main(),
    "growth": growth.main_of_all,
    "datasets": lambda: datasets.main(arguments.rows, arguments.rounds, arguments.torch),
    "pages": lambda: pages.main(arguments.rounds),
}
if unknown := set(arguments.part) - parts.keys():
    parser.error(f"there is no part {', '.join(sorted(unknown))}")
for part in arguments.part or parts:
    parts[part]()
