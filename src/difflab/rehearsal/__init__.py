"""`difflab rehearse`: each stage at full size for a few steps or images, in a scratch folder. No stage imports it."""
