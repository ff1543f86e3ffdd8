import torch

from difflab.models.judge import Judge


def test_saved_and_loaded_it_sees_the_same(tmp_path):
    judge = Judge([4, 8])
    judge(torch.randn(32, 3, 8, 8))  # moves the running statistics of the batch norm
    judge.eval()
    judge.save(tmp_path)
    images = torch.randint(256, (7, 3, 16, 16), dtype=torch.uint8)
    assert torch.equal(Judge.load(tmp_path).predict(images), judge.predict(images, batch_size=2))


def test_it_takes_images_of_any_size():
    judge = Judge([4, 8, 8]).eval()
    assert [judge(torch.zeros(2, 3, size, size)).shape for size in (8, 28, 32)] == [(2, 10)] * 3
