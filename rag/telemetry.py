"""What other packages would report to their makers, switched off before anything imports them."""

import os

# ONNX Runtime looks up a host of its maker and keeps an id of the device and a queue of events in the user's
# cache. It reads this as it is imported; its own `disable_telemetry_events` comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
