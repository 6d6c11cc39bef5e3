"""The only code of ours that runs inside a sandbox: the judge and the learner, two processes, two uids.

Inside the sandbox image this folder is the package ``grader_inside``; it imports nothing else of ours.
``__main__`` forks the two. What they may say to each other: ``wire`` (the grammar), ``values``, ``arrays``,
``names`` (what it can say), ``codec`` (saying it), ``channel`` (carrying it), ``peer`` (asking back).
The judge: ``run`` (one submission), ``checks`` (running one check), ``namespace``, ``texts`` and
``libraries`` (what it finds there), ``origins`` (where its code may come from), ``judge`` (asking for what is
the learner's), ``proxies`` (how that looks to a check), ``exports`` (how a check's objects may be used over
there), ``author`` (what the author's own source says). The other process: ``learner``, its ``shell``, its
``operations``, and ``remote`` (how a check's objects look to it).
"""
