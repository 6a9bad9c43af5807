"""infotok: information-regularised visual tokenization.

Layers, lowest first; a file imports only from layers below its own:

- `infotok.information`  measuring mutual information: exact values, bounds, estimators
- `infotok.worlds`       data whose information is known
- `infotok.bottleneck`   Gaussian, discrete, variational and kernel bottlenecks, and InfoTok
- `infotok.tokenizers`   quantizers and the shared tokenizer
- `infotok.unified`      three unified multimodal language models
- `infotok.evaluation`   understanding, generation, reconstruction, probing, statistics
- `infotok.standard`     benchmarks of others: lmms-eval, GenEval, CLIPScore
- `infotok.experiments`  what the lessons run and compare
- `infotok.lab`          what a notebook imports: records, sweeps, plots, widgets, exercises
- `infotok.course`       the command `infotok`, which runs the notebooks with papermill

Nothing heavy is imported here, so `import infotok` is instant.
"""

__version__ = "0.1.0"
