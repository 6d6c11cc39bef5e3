"""The only code of ours that runs inside a sandbox: the judge and the learner, two processes, two uids.

Inside the sandbox image this folder is the package ``grader_inside``; it imports nothing else of ours.
``__main__`` forks the two, ``wire`` is what they may say to each other, ``proxies`` is how the learner's
objects look to a check, ``author`` is what the judge learns from the author's own source.
"""
