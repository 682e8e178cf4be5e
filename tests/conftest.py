"""Settings for the whole run: few threads in each process, and the same hypothesis examples in all of CI."""

import os
import signal

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # a run in the background, whose children would be deaf too
    signal.signal(signal.SIGINT, signal.default_int_handler)

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy and PyTorch read them; tests run side by side already

try:
    from hypothesis import settings
except ImportError:
    pass
else:
    settings.register_profile("default", deadline=None, print_blob=True)
    settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
    settings.load_profile("ci" if os.environ.get("CI") else "default")
