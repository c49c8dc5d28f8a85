"""What a process trains on."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass

from tuner.suppress_output import suppress_output


@dataclass(frozen=True, kw_only=True)
class Device:
    """A share of the machine.

    Attributes:
        threads: CPU threads of TensorFlow.
        gpu: Name of the GPU, the only one that the process sees; None for the CPU.
    """

    threads: int
    gpu: str | None = None

    def __str__(self) -> str:
        if self.gpu is not None:
            return f"gpu {self.gpu}"
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"

    @classmethod
    def parse(cls, text: str) -> Device:
        """The opposite of ``str``; a GPU's CPU threads are not told and count as 1."""
        if text.startswith("gpu "):
            return cls(threads=1, gpu=text.removeprefix("gpu "))
        match = re.match(r"\d+", text)
        return cls(threads=int(match[0]) if match else 1)

    def take(self) -> None:
        """Lets this process train on it, as a worker would. TensorFlow is imported.

        To be called before anything else imports TensorFlow.
        """
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ["CUDA_VISIBLE_DEVICES"] = self.gpu or "-1"
        os.environ["OMP_NUM_THREADS"] = str(self.threads)
        with suppress_output():  # its first lines come before it looks at the level
            from tuner.resources.tensorflow_device import use_device

            use_device(threads=self.threads)
        # Several models are asked here one after another: TensorFlow warns of tracing each of them.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
