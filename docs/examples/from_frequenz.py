"""A timeout for each step of the loop: with select of frequenz.channels, and with multi_await."""

import asyncio

from frequenz.channels import OneshotChannel, Receiver, select, selected_from

from multi_await import each, multi_await


async def with_select(words: Receiver[str], numbers: Receiver[int]) -> None:
    selecting = select(words, numbers)
    while True:
        try:
            async with asyncio.timeout(0.5):
                selected = await anext(selecting)
        except TimeoutError:
            print("nothing for half a second")
        except StopAsyncIteration:
            print("the end")
            break
        else:
            if selected_from(selected, words) and not selected.was_stopped:
                print("a word:", selected.message.upper())
            elif selected_from(selected, numbers) and not selected.was_stopped:
                print("a number:", selected.message + 1)


async def with_multi_await(words: Receiver[str], numbers: Receiver[int]) -> None:
    async with multi_await(each(words), each(numbers)) as m:
        while True:
            try:
                async with asyncio.timeout(0.5):
                    event = await anext(m)
            except TimeoutError:
                print("nothing for half a second")
            except StopAsyncIteration:
                print("the end")
                break
            else:
                match event:
                    case (0, word):
                        print("a word:", word.upper())
                    case (1, number):
                        print("a number:", number + 1)


async def main() -> None:
    for handle in (with_select, with_multi_await):
        print(handle.__name__)
        word_sender, words = OneshotChannel[str]()
        number_sender, numbers = OneshotChannel[int]()
        handling = asyncio.create_task(handle(words, numbers))
        await word_sender.send("one")
        await asyncio.sleep(0.7)
        await number_sender.send(2)
        await handling
        print("the number is still there:", await numbers.ready())


if __name__ == "__main__":
    asyncio.run(main())
