"""`snakemake --logger difflab`, which profiles/default selects. Snakemake finds plugins by package name."""

# Snakemake's plugin interface is untyped; its properties are constants here.
# pyright: reportMissingTypeStubs=false, reportAssignmentType=false
from __future__ import annotations

import logging
import sys

from snakemake_interface_logger_plugins.base import LogHandlerBase


class LogHandler(LogHandlerBase):
    """Passes Snakemake's log records to difflab; with --dry-run, --quiet or --verbose, prints Snakemake's output."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        # Imported here: Snakemake imports all plugins that it finds, and the first difflab on the path may be older.
        from snakemake.logging import ColorizingTextHandler

        from difflab.pipeline.terminal import Terminal

        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        self.terminal, self.plain = Terminal(stream), None
        if settings.dryrun or settings.verbose or settings.quiet:
            self.plain = ColorizingTextHandler(settings.nocolor, stream)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self.plain:
                self.plain.formatter = self.formatter
                self.plain.emit(record)
            else:
                self.terminal.show(record, self.format)
        except BrokenPipeError:
            pass  # a reader of stdout that exits, as `head` does, must not end the run
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.terminal.close()
        super().close()
