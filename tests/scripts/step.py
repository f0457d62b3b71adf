"""Runs the step of a script that its command line names: SCRIPT FACTEUR STEP."""
import sys


def run_step(steps, site):
    """No server is left behind, whatever becomes of the step."""
    try:
        steps[sys.argv[2]](site)
    finally:
        if site.process and site.process.poll() is None:
            site.process.kill()
            site.process.wait()
