"""Golden vectors of training objectives: TRL's own losses, and the formulas of papers transcribed in PyTorch; float64, autograd.

    python -m venv .venv && .venv/bin/pip install -r test/conformance/requirements-trl.txt
    .venv/bin/python test/conformance/make_objective_vectors.py

Writes vectors/objectives.json: groups of solutions with scores, completion log-probabilities (nats), those of the reference
model, and token counts, and for losses of tokens the log-probabilities of each token, also under the model that sampled them, with ratios
on both sides of the clip range; and for every objective the loss of all groups as one batch, its gradient with respect to every
log-probability, and the metrics. `source` says whose code computed it: TRL's trainers run unchanged, on a model that returns the log-probabilities
of the groups. The test beside this file holds Overtone to them; it needs no Python.
"""

import json
import math
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import torch
import trl
from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RLOOTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.utils import nanstd

OUT = Path(__file__).resolve().parent / "vectors" / "objectives.json"
SIZES = [4, 2, 5, 3, 3, 2]
GENERATOR = torch.Generator().manual_seed(20240607)
TOKEN_GENERATOR = torch.Generator().manual_seed(20261123)


def rounded(values):
    return [round(float(value), 4) for value in values]


def make_groups():
    groups = []
    for number, size in enumerate(SIZES):
        tokens = torch.randint(3, 12, (size,), generator=GENERATOR)
        per_token = -torch.rand(size, generator=GENERATOR) * 1.5 - 0.05
        logprobs = per_token * tokens
        reference = logprobs + torch.randn(size, generator=GENERATOR) * 1.2
        scores = torch.randn(size, generator=GENERATOR) * 1.3
        groups.append(
            dict(
                scores=rounded(scores),
                logprobs=rounded(logprobs),
                reference=rounded(torch.minimum(reference, torch.tensor(-0.1))),
                tokens=tokens.tolist(),
            )
        )
    # Equal scores within a group, among the best, and of a whole group.
    groups[2]["scores"][1] = groups[2]["scores"][3]
    groups[3]["scores"] = [0.5, 1.25, 1.25]
    groups[5]["scores"] = [0.75, 0.75]
    for group in groups:
        group["each"] = [make_tokens(count) for count in group["tokens"]]
    return groups


def make_tokens(count):
    """A completion's tokens under the model, the reference, and the model that sampled them: near each other, as in training."""
    draw = lambda *size: torch.randn(*size, generator=TOKEN_GENERATOR)
    old = -0.4 - 2.5 * torch.rand(count, generator=TOKEN_GENERATOR)
    moved = 0.22 * draw(1) + 0.25 * draw(count)
    reference = old + 0.3 * draw(count)
    return dict(logprobs=rounded(old + moved), reference=rounded(reference), old=rounded(old))


GROUPS = make_groups()


class Batch:
    """All solutions of all groups, with their log-probabilities as a leaf of the graph."""

    def __init__(self):
        flat = lambda key: torch.tensor([v for g in GROUPS for v in g[key]], dtype=torch.float64)
        self.logprobs = flat("logprobs").requires_grad_()
        self.reference = flat("reference")
        self.tokens = flat("tokens")
        self.scores = flat("scores")
        each = [tokens for g in GROUPS for tokens in g["each"]]
        longest = max(len(tokens["old"]) for tokens in each)
        padded = lambda key: torch.tensor([t[key] + [0.0] * (longest - len(t[key])) for t in each], dtype=torch.float64)
        self.token_logprobs = padded("logprobs").requires_grad_()
        self.token_reference, self.token_old = padded("reference"), padded("old")
        self.token_mask = (torch.arange(longest) < self.tokens[:, None]).long()
        self.groups, at = [], 0
        for group in GROUPS:
            self.groups.append(list(range(at, at + len(group["scores"]))))
            at += len(group["scores"])

    def differing(self):
        return [g for g in self.groups if len({float(self.scores[i]) for i in g}) > 1]

    def pairs(self):
        """Indices of the best and the worst of each group that has them; the first of equals."""
        best = [max(g, key=lambda i: float(self.scores[i])) for g in self.differing()]
        worst = [min(g, key=lambda i: float(self.scores[i])) for g in self.differing()]
        return best, worst


def in_tokens(totals, tokens):
    """Per-token numbers [sequences, longest] that sum to the totals, unevenly, and their mask."""
    longest = int(tokens.max())
    mask = torch.arange(longest) < tokens[:, None]
    weights = torch.rand(len(tokens), longest, generator=GENERATOR, dtype=torch.float64) * mask + 0.1 * mask
    weights = weights / weights.sum(1, keepdim=True)
    return totals[:, None] * weights, mask.long(), weights


class Accelerator:
    device = torch.device("cpu")
    num_processes = 1

    def gather(self, values):
        return values

    def gather_for_metrics(self, values):
        return values

    def reduce(self, values, reduction):
        return values


def trainer(**settings):
    """What a trainer's loss reads of `self`."""
    return SimpleNamespace(
        accelerator=Accelerator(),
        model=SimpleNamespace(training=True),
        aux_loss_enabled=False,
        precompute_ref_logps=True,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
        **settings,
    )


def model_of(logps, mask):
    """A model that gives these per-token log-probabilities, after a prompt of one token."""
    nothing = torch.zeros_like(logps)
    outputs = SimpleNamespace(log_probs=logps, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool())
    return lambda **kwargs: outputs


def token_inputs(mask):
    full = torch.cat([torch.zeros(len(mask), 1, dtype=torch.long), mask], dim=1)
    ids = torch.ones_like(full)
    return dict(input_ids=ids, attention_mask=torch.ones_like(full), completion_mask=full)


def taken(trainer_stub, names):
    logged = trainer_stub._metrics["train"]
    return {name: float(logged[name][-1]) for name in names}


REWARDS = ["rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"]


def trl_dpo(batch, beta, lossType="sigmoid", labelSmoothing=0.0):
    best, worst = batch.pairs()
    order = torch.tensor(best + worst)
    logps, mask, _ = in_tokens(batch.logprobs[order], batch.tokens[order])
    stub = trainer(
        beta=beta,
        label_smoothing=labelSmoothing,
        loss_types=[lossType],
        loss_weights=[1.0],
        f_divergence_type="reverse_kl",
        ld_alpha=None,
        use_weighting=False,
    )
    inputs = token_inputs(mask)
    inputs["ref_chosen_logps"], inputs["ref_rejected_logps"] = batch.reference[best], batch.reference[worst]
    loss = DPOTrainer._compute_loss(stub, model_of(logps, mask), inputs, False)
    return loss, taken(stub, REWARDS)


def transcribed_dpo(batch, beta, labelSmoothing=0.0, scoreMargin=0.0):
    """Conservative DPO (Mitchell 2023) and DPO with an offset (Amini et al. 2024, equation 6, with the identity for f)."""
    ratios = batch.logprobs - batch.reference
    losses, rewards = [], []
    for best, worst in zip(*batch.pairs()):
        margin = beta * (ratios[best] - ratios[worst])
        offset = scoreMargin * (batch.scores[best] - batch.scores[worst])
        right = -torch.log(1 / (1 + torch.exp(-(margin - offset))))
        wrong = -torch.log(1 / (1 + torch.exp(margin + offset)))
        losses.append((1 - labelSmoothing) * right + labelSmoothing * wrong)
        rewards.append(margin.item())
    return torch.stack(losses).mean(), {"rewards/margins": sum(rewards) / len(rewards)}


def trl_simpo(batch, beta, simpoGamma, labelSmoothing=0.0):
    best, worst = batch.pairs()
    means = batch.logprobs / batch.tokens
    stub = SimpleNamespace(
        alpha=0.0,
        accelerator=Accelerator(),
        loss_type="simpo",
        simpo_gamma=simpoGamma,
        beta=beta,
        label_smoothing=labelSmoothing,
    )
    losses, chosen, rejected = CPOTrainer.cpo_loss(stub, means[best], means[worst])
    return losses.mean(), reward_metrics(chosen, rejected)


def reward_metrics(chosen, rejected):
    return {
        "rewards/chosen": chosen.mean().item(),
        "rewards/rejected": rejected.mean().item(),
        "rewards/margins": (chosen - rejected).mean().item(),
        "rewards/accuracies": (chosen > rejected).double().mean().item(),
    }


def trl_orpo(batch, beta):
    best, worst = batch.pairs()
    means = batch.logprobs / batch.tokens
    # TRL computes the odds in float32.
    doubles = SimpleNamespace(accelerator=Accelerator(), beta=beta)
    losses, chosen, rejected, ratio, odds = ORPOTrainer.odds_ratio_loss(doubles, means[best], means[worst])
    loss = -means[best].mean() - losses.mean().double()
    return loss, {
        **reward_metrics(chosen, rejected),
        "nll_loss": -means[best].mean().item(),
        "log_odds_ratio": ratio.item(),
        "log_odds_chosen": odds.item(),
    }


def trl_kto(batch, beta, desirableWeight=1.0, undesirableWeight=1.0):
    order, labels = [], []
    for group in batch.differing():
        mean = sum(float(batch.scores[i]) for i in group) / len(group)
        for i in group:
            order.append(i)
            labels.append(float(batch.scores[i]) > mean)
    order = torch.tensor(order)
    logps, mask, _ = in_tokens(batch.logprobs[order], batch.tokens[order])
    reference = batch.reference[order]
    stub = trainer(
        beta=beta,
        loss_type="kto",
        desirable_weight=desirableWeight,
        undesirable_weight=undesirableWeight,
        calculate_KL=True,
        # The completions that estimate the divergence are the batch's own.
        _compute_kl_logps=lambda model, inputs: batch.logprobs[order],
    )
    inputs = token_inputs(mask)
    inputs.update(label=torch.tensor(labels), ref_logps=reference, ref_KL_logps=reference)
    loss = KTOTrainer._compute_loss(stub, model_of(logps, mask), inputs, False)
    kl = (batch.logprobs[order] - reference).mean().clamp(min=0).item()
    return loss, {**taken(stub, REWARDS[:3]), "kl": kl}


def group_advantages(batch, lossType):
    values = []
    for group in batch.differing():
        scores = batch.scores[group]
        if lossType == "dr_grpo":
            values.append(scores - scores.mean())
        elif lossType == "rloo":
            values.append(scores - (scores.sum() - scores) / (len(group) - 1))
        else:
            values.append((scores - scores.mean()) / (scores.std() + 1e-4))
    return torch.cat(values)


CLIPPED = [f"clip_ratio/{which}_mean" for which in ["low", "high", "region"]]


def trl_grpo(
    batch,
    lossType="dapo",
    importanceSamplingLevel="token",
    epsilon=0.2,
    epsilonHigh=None,
    beta=0.0,
    maxCompletionLength=512,
):
    high = epsilon if epsilonHigh is None else epsilonHigh
    order = torch.tensor([i for group in batch.differing() for i in group])
    logps, old, mask = batch.token_logprobs[order], batch.token_old[order], batch.token_mask[order]
    stub = trainer(
        beta=beta,
        epsilon_low=epsilon,
        epsilon_high=high,
        loss_type=lossType,
        importance_sampling_level=importanceSamplingLevel,
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=maxCompletionLength,
        _entropy_bonus_enabled=False,
        tools=None,
        environments=None,
        rollout_func=None,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        _get_per_token_logps_and_entropies=lambda *_, **__: (logps, torch.zeros_like(logps), None),
    )
    inputs = dict(
        prompt_ids=torch.ones(len(order), 1, dtype=torch.long),
        prompt_mask=torch.ones(len(order), 1, dtype=torch.long),
        completion_ids=torch.ones_like(mask),
        completion_mask=mask,
        advantages=group_advantages(batch, lossType),
        num_items_in_batch=mask.sum(),
        old_per_token_logps=old,
        ref_per_token_logps=batch.token_reference[order],
    )
    if lossType == "rloo":
        inputs["old_logps"] = (old * mask).sum(1)
        loss = RLOOTrainer._compute_loss(stub, None, inputs)
    else:
        loss = GRPOTrainer._compute_loss(stub, None, inputs)
    metrics = taken(stub, CLIPPED + (["kl"] if beta else []))
    # Solutions are clipped on both sides, and most are not.
    assert metrics[CLIPPED[0]] > 0 and metrics[CLIPPED[1]] > 0 and metrics[CLIPPED[2]] < 0.7, metrics
    return loss, {**metrics, "reward": batch.scores[order].mean().item(), "reward_std": nanstd(batch.scores[order]).item()}


def transcribed_plackett_luce(batch, beta):
    """The order of a group as choices of one from those that are left; without equal scores it is the formula of the paper."""
    rewards = beta * (batch.logprobs - batch.reference)
    total = 0.0
    groups = batch.differing()
    for group in groups:
        for i in group:
            below = [j for j in group if batch.scores[j] < batch.scores[i]]
            total = total - torch.log(torch.exp(rewards[i]) / sum(torch.exp(rewards[j]) for j in [i, *below]))
    return total / len(groups), {}


def transcribed_rrhf(batch, rankWeight, bradleyTerryWeights):
    """RRHF (Yuan et al. 2023) on mean log-probabilities, and with sigmoid(s_i - s_j) as the weight of each pair."""
    means = batch.logprobs / batch.tokens
    ranking, imitation = 0.0, 0.0
    groups = batch.differing()
    for group in groups:
        for i in group:
            for j in group:
                if batch.scores[i] > batch.scores[j]:
                    weight = torch.sigmoid(batch.scores[i] - batch.scores[j]) if bradleyTerryWeights else 1.0
                    ranking = ranking - weight * (means[i] - means[j])
        imitation = imitation - means[max(group, key=lambda i: float(batch.scores[i]))]
    ranking, imitation = ranking / len(groups), imitation / len(groups)
    return rankWeight * ranking + imitation, {"loss/ranking": ranking.item(), "loss/sft": imitation.item()}


def transcribed_sft(batch, selection, k=2):
    weights = torch.zeros_like(batch.tokens)
    for group in batch.groups:
        scores = batch.scores[group]
        if selection == "weighted":
            weights[group] = torch.softmax(scores, 0)
        else:
            count = dict(all=len(group), best=1).get(selection, k)
            for i in sorted(group, key=lambda i: (-float(batch.scores[i]), i))[:count]:
                weights[i] = 1
    return -(weights * batch.logprobs).sum() / (weights * batch.tokens).sum(), {}


TRL = f"TRL {trl.__version__}"
CASES = [
    ("dpo", dict(beta=0.7), trl_dpo, f"{TRL} DPOTrainer"),
    ("dpo", dict(beta=0.7, lossType="hinge"), trl_dpo, f"{TRL} DPOTrainer"),
    ("dpo", dict(beta=0.7, lossType="ipo"), trl_dpo, f"{TRL} DPOTrainer"),
    ("dpo", dict(beta=0.7, lossType="robust", labelSmoothing=0.2), trl_dpo, f"{TRL} DPOTrainer"),
    ("dpo", dict(beta=0.7, lossType="sigmoid_norm"), trl_dpo, f"{TRL} DPOTrainer"),
    ("dpo", dict(beta=0.7, labelSmoothing=0.2), transcribed_dpo, "Mitchell 2023"),
    ("dpo", dict(beta=0.7, scoreMargin=0.4), transcribed_dpo, "Amini, Vieira and Cotterell 2024"),
    ("dpo", dict(beta=0.7, scoreMargin=0.4, labelSmoothing=0.1), transcribed_dpo, "Amini, Vieira and Cotterell 2024"),
    ("simpo", dict(beta=2.0, simpoGamma=1.0), trl_simpo, f"{TRL} CPOTrainer"),
    ("simpo", dict(beta=2.0, simpoGamma=1.0, labelSmoothing=0.2), trl_simpo, f"{TRL} CPOTrainer"),
    ("orpo", dict(beta=0.3), trl_orpo, f"{TRL} ORPOTrainer, with Hong, Lee and Thorne's likelihood"),
    ("kto", dict(beta=0.3), trl_kto, f"{TRL} KTOTrainer"),
    ("kto", dict(beta=0.3, desirableWeight=1.2, undesirableWeight=0.8), trl_kto, f"{TRL} KTOTrainer"),
    ("plackett-luce", dict(beta=0.7), transcribed_plackett_luce, "Rafailov et al. 2023, appendix A.3"),
    ("grpo", dict(), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(epsilonHigh=0.28, beta=0.04), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(lossType="bnpo", beta=0.04), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(lossType="grpo"), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(lossType="grpo", epsilon=0.1, epsilonHigh=0.15, beta=0.04), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(lossType="dr_grpo", beta=0.04, maxCompletionLength=16), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(importanceSamplingLevel="sequence", epsilon=0.1), trl_grpo, f"{TRL} GRPOTrainer"),
    ("grpo", dict(lossType="grpo", importanceSamplingLevel="sequence"), trl_grpo, f"{TRL} GRPOTrainer"),
    (
        "grpo",
        dict(lossType="grpo", importanceSamplingLevel="sequence", epsilon=0.1, epsilonHigh=0.15, beta=0.04),
        trl_grpo,
        f"{TRL} GRPOTrainer",
    ),
    (
        "grpo",
        dict(lossType="dr_grpo", importanceSamplingLevel="sequence", beta=0.04, maxCompletionLength=16),
        trl_grpo,
        f"{TRL} GRPOTrainer",
    ),
    ("grpo", dict(lossType="rloo"), trl_grpo, f"{TRL} RLOOTrainer"),
    ("rrhf", dict(rankWeight=0.1, bradleyTerryWeights=False), transcribed_rrhf, "Yuan et al. 2023"),
    ("rrhf", dict(rankWeight=0.1, bradleyTerryWeights=True), transcribed_rrhf, "Yuan et al. 2023"),
    ("sft", dict(selection="all"), transcribed_sft, "its definition"),
    ("sft", dict(selection="best"), transcribed_sft, "its definition"),
    ("sft", dict(selection="top-k", k=2), transcribed_sft, "its definition"),
    ("sft", dict(selection="weighted"), transcribed_sft, "its definition"),
]


def main():
    cases = []
    for type_, options, compute, source in CASES:
        batch = Batch()
        loss, metrics = compute(batch, **options)
        loss.backward()
        ofTokens = batch.logprobs.grad is None
        found = batch.token_logprobs.grad if ofTokens else batch.logprobs.grad
        assert math.isfinite(loss.item()) and found.abs().max() > 0
        own = lambda i: found[i, : int(batch.tokens[i])].tolist() if ofTokens else found[i].item()
        gradient = [[own(i) for i in group] for group in batch.groups]
        cases.append(
            dict(spec=dict(type=type_, **options), source=source, loss=loss.item(), gradient=gradient, metrics=metrics)
        )
    written = dict(torch=torch.__version__.split("+")[0], groups=GROUPS, cases=cases)
    OUT.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(cases)} objectives -> {OUT}")


if __name__ == "__main__":
    main()
